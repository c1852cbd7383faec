//! `consign torture` on real servers: gateways, workers and notifiers of its own, behind proxies that
//! cut, stall, delay and half-close, with a broker that is taken away, and the judge's verdict.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::env;
use system_tests::process::consign;
use testbed::{PrivateOptions, Server, Servers, ports};

/// Two minutes; `CONSIGN_TEST_TORTURE_SECONDS` for more, `CONSIGN_TEST_TORTURE_SEED` for another seed.
fn setting(name: &str, usual: &str) -> String {
    env::var(format!("CONSIGN_TEST_TORTURE_{name}")).unwrap_or_else(|_| usual.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_on_real_servers_is_tortured_and_nothing_is_found() -> Result<()> {
    let block = ports::reserve()?;
    let port = block.port(0);
    let servers = Servers::private(&PrivateOptions {
        servers: vec![Server::Kafka],
        kafka_advertised_port: Some(port),
        ..PrivateOptions::default()
    })?;
    let stores = Servers::shared().addresses();
    let (down, up) = servers.outage_lines(Server::Kafka)?;
    let proxy = format!("127.0.0.1:{port}={}", servers.addresses().kafka);
    let folder = tempfile::tempdir()?;
    let mut command = consign()?;
    command
        .args(["torture", "--json", "--on-servers", "--store-proxies"])
        .args([
            "--seconds",
            &setting("SECONDS", "120"),
            "--seed",
            &setting("SEED", "7"),
        ])
        .args(["--clients", "8", "--pause", "40"])
        .args(["--kafka-proxy", &proxy, "--outage", "broker-1", &down, &up])
        .envs([
            ("CONSIGN_LOG_KIND", "kafka"),
            ("CONSIGN_RECORD_KIND", "cassandra"),
            ("CONSIGN_VIEW_KIND", "elasticsearch"),
            ("CONSIGN_CASSANDRA_NODES", &stores.cassandra),
            ("CONSIGN_ELASTICSEARCH_URLS", &stores.elasticsearch_url()),
        ])
        .current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let errors = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{}: {errors}", output.status))?;
    for name in [
        "seed",
        "seconds",
        "acknowledged",
        "notifications",
        "remarks",
    ] {
        eprintln!("{name}: {}", report[name]);
    }
    ensure!(
        output.status.success() && report["verdict"] == "passed",
        "{}\n{}\n{}\n{}",
        report["by_kind"],
        report["findings"],
        report["smallest"],
        report["audit"]["findings"]
    );
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    ensure!(
        count("acknowledged") > 100,
        "no load: {}",
        report["acknowledged"]
    );
    ensure!(
        count("notifications") > 50,
        "nobody heard: {}",
        report["notifications"]
    );
    let faults = report["schedule"].as_array().map_or(0, Vec::len);
    ensure!(faults >= 4, "hardly a fault: {}", report["schedule"]);
    Ok(())
}
