//! The page of metrics, from what each service registers.

use std::fmt::Write;

use runtime::metrics::MetricDescription;

const HEAD: &str = "\
# Metrics

Prometheus' text format under `/metrics`: a gateway answers it where it listens, `consign write-worker` and `consign notifier` where
`admin.listen` says, `consign dev` for all three. A histogram `x` is scraped as `x_bucket`, `x_sum` and `x_count`. Made from the code by
`cargo run -p xtask -- docs`.
";

pub fn page() -> Result<String, prometheus::Error> {
    let mut page = HEAD.to_owned();
    let services = [
        ("Gateway", gateway::metric_descriptions()?),
        ("Write-worker", write_worker::metric_descriptions()?),
        ("Notifier", notifier_worker::metric_descriptions()?),
    ];
    for (service, metrics) in services {
        page += &format!("\n## {service}\n\n| name | kind | labels | what it says |\n");
        page += "| --- | --- | --- | --- |\n";
        for MetricDescription {
            name,
            kind,
            labels,
            help,
        } in metrics
        {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = labels.join(", ");
            writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").expect("a text grows");
        }
    }
    Ok(page)
}
