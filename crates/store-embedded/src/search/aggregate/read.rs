//! Aggregations as a search says them. What is not known is refused by name.

mod range;

use super::{
    Aggregation, AggregationKind, Aggregations, NamedFilters,
    bucket::{BucketOrder, Calendar},
    metric::MetricKind,
    percentile::Percentiles,
    value::{AggregatedField, ValueUse},
};
use crate::search::{Context, bad, clause, query, sort, source, unsupported};
use serde_json::{Map, Value};
use store::{
    StoreError,
    cell::join_pointer,
    mapping::{coerce, date::DateFormat},
};

/// How deep aggregations may stand in each other.
const DEEPEST: usize = 16;
/// How many hits a bucket may show, as Elasticsearch's `max_inner_result_window`.
const WIDEST: usize = 100;

pub fn read_aggregations(
    context: &Context<'_>,
    value: &Value,
    at: &str,
) -> Result<Aggregations, StoreError> {
    all(context, value, at, 0)
}

fn all(
    context: &Context<'_>,
    value: &Value,
    at: &str,
    depth: usize,
) -> Result<Aggregations, StoreError> {
    if depth > DEEPEST {
        return Err(unsupported("aggregations as deep as this", at));
    }
    let mut read = Vec::new();
    for (name, aggregation) in clause::expect_object(value, "aggs", at)? {
        let at = join_pointer(at, name);
        if name.contains(['[', ']', '>']) {
            return Err(bad("an aggregation's name has no `[`, `]` and `>`", &at));
        }
        read.push((
            name.clone(),
            read_aggregation(context, aggregation, &at, depth)?,
        ));
    }
    Ok(Aggregations(read))
}

fn read_aggregation(
    context: &Context<'_>,
    value: &Value,
    at: &str,
    depth: usize,
) -> Result<Aggregation, StoreError> {
    let (mut found, mut meta, mut inner) = (None, None, Aggregations::default());
    for (name, body) in clause::expect_object(value, "aggs", at)? {
        let here = join_pointer(at, name);
        match name.as_str() {
            "aggs" | "aggregations" => inner = all(context, body, &here, depth + 1)?,
            "meta" => meta = Some(body.clone()),
            _ if found.is_some() => return Err(bad("an aggregation is of one type", &here)),
            _ => found = Some((read_kind(context, name, body, &here)?, here)),
        }
    }
    let (kind, here) = found.ok_or_else(|| bad("an aggregation lacks its type", at))?;
    let is_leaf = matches!(
        kind,
        AggregationKind::Metric { .. }
            | AggregationKind::Percentiles { .. }
            | AggregationKind::TopHits { .. }
    );
    if is_leaf && !inner.is_empty() {
        return Err(bad("nothing can be aggregated within this", &here));
    }
    if let AggregationKind::Terms { order, .. } = &kind {
        check_order(order, &inner, &here)?;
    }
    Ok(Aggregation { kind, meta, inner })
}

/// The parameters of an aggregation that were not asked for yet.
struct GivenParameters<'v> {
    kind: &'v str,
    members: Map<String, Value>,
    at: &'v str,
}

impl<'v> GivenParameters<'v> {
    fn take(&mut self, name: &str) -> Option<(Value, String)> {
        let value = self.members.shift_remove(name)?;
        Some((value, join_pointer(self.at, name)))
    }

    fn field(
        &mut self,
        context: &Context<'_>,
        wanted: ValueUse,
    ) -> Result<AggregatedField, StoreError> {
        let (name, at) = self
            .take("field")
            .ok_or_else(|| bad(format!("`{}` lacks `field`", self.kind), self.at))?;
        let name = name.as_str();
        let name = name.ok_or_else(|| bad("a field must be a string", &at))?;
        AggregatedField::read(context, name, wanted, self.kind, &at)
    }

    fn count(&mut self, name: &str, default: u64) -> Result<u64, StoreError> {
        match self.take(name) {
            None => Ok(default),
            Some((value, at)) => {
                let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
                number.ok_or_else(|| bad(format!("`{name}` is a whole number"), &at))
            }
        }
    }

    fn real(&mut self, name: &str) -> Result<Option<f64>, StoreError> {
        match self.take(name) {
            None => Ok(None),
            Some((value, at)) => {
                let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
                let number = number.ok_or_else(|| bad(format!("`{name}` is a number"), &at))?;
                Ok(Some(number))
            }
        }
    }

    fn flag(&mut self, name: &str) -> Result<bool, StoreError> {
        match self.take(name) {
            None => Ok(false),
            Some((value, at)) => {
                let flag = coerce::strict_boolean(&value);
                flag.ok_or_else(|| bad(format!("`{name}` is true or false"), &at))
            }
        }
    }

    /// How dates are spelled: otherwise than the field does it, if that is asked for.
    fn spelling(&mut self, field: &mut AggregatedField) -> Result<(), StoreError> {
        if let Some((value, at)) = self.take("time_zone")
            && !["UTC", "Z", "+00:00"].iter().any(|zone| value == *zone)
        {
            return Err(unsupported(format!("{}.time_zone", self.kind), &at));
        }
        if let Some((value, at)) = self.take("format") {
            let formats = DateFormat::read(value.as_str());
            if store::mapping::date::spell_date(&formats, 0).is_none() {
                return Err(unsupported(format!("the date format {value}"), &at));
            }
            field.spelled(formats);
        }
        Ok(())
    }

    /// Nothing may be left over.
    fn finish(self) -> Result<(), StoreError> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(unsupported(
                format!("{}.{name}", self.kind),
                &join_pointer(self.at, name),
            )),
        }
    }
}

fn read_kind(
    context: &Context<'_>,
    name: &str,
    body: &Value,
    at: &str,
) -> Result<AggregationKind, StoreError> {
    if name == "filter" {
        return query::read_filter(context, body, at).map(AggregationKind::Filter);
    }
    let mut given = GivenParameters {
        kind: name,
        members: clause::expect_object(body, name, at)?.clone(),
        at,
    };
    let kind = match name {
        "terms" => read_terms(context, &mut given)?,
        "percentiles" => percentiles(context, &mut given)?,
        "range" | "date_range" => range::read(context, &mut given)?,
        "histogram" => read_histogram(context, &mut given)?,
        "date_histogram" => read_date_histogram(context, &mut given)?,
        "filters" => read_filters(context, &mut given)?,
        "missing" => AggregationKind::Missing(given.field(context, ValueUse::Any)?),
        "top_hits" => top_hits(context, &mut given)?,
        _ => read_metric(context, &mut given)?,
    };
    given.finish()?;
    if let Some(field) = kind.field().filter(|field| !field.is_guessed()) {
        kind.check(field, at)?;
    }
    Ok(kind)
}

fn read_metric(
    context: &Context<'_>,
    given: &mut GivenParameters<'_>,
) -> Result<AggregationKind, StoreError> {
    let kind = match given.kind {
        "min" => MetricKind::Min,
        "max" => MetricKind::Max,
        "sum" => MetricKind::Sum,
        "avg" => MetricKind::Avg,
        "stats" => MetricKind::Stats,
        "extended_stats" => MetricKind::ExtendedStats {
            sigma: given.real("sigma")?.unwrap_or(2.0),
        },
        "value_count" => MetricKind::ValueCount,
        "cardinality" => {
            given.count("precision_threshold", 0)?;
            MetricKind::Cardinality
        }
        other => return Err(unsupported(format!("the aggregation `{other}`"), given.at)),
    };
    let is_any = matches!(kind, MetricKind::ValueCount | MetricKind::Cardinality);
    let wanted = if is_any {
        ValueUse::Any
    } else {
        ValueUse::Numbers
    };
    let field = given.field(context, wanted)?;
    Ok(AggregationKind::Metric { field, kind })
}

fn percentiles(
    context: &Context<'_>,
    given: &mut GivenParameters<'_>,
) -> Result<AggregationKind, StoreError> {
    const USUAL: [f64; 7] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];
    let field = given.field(context, ValueUse::Numbers)?;
    let keyed = !given.members.contains_key("keyed") || given.flag("keyed")?;
    let mut percents = USUAL.to_vec();
    if let Some((value, at)) = given.take("percents") {
        let all = value.as_array().filter(|all| !all.is_empty());
        let all = all.ok_or_else(|| bad("`percents` is an array of numbers", &at))?;
        let is_percent = |percent: &f64| (0.0..=100.0).contains(percent);
        let read = all.iter().map(|one| one.as_f64().filter(is_percent));
        let read: Option<Vec<f64>> = read.collect();
        percents = read.ok_or_else(|| bad("a percent is a number from 0 to 100", &at))?;
        percents.sort_by(f64::total_cmp);
        if percents.windows(2).any(|two| two[0] == two[1]) {
            return Err(unsupported("percentiles with a percent twice", &at));
        }
    }
    let wanted = Percentiles { percents, keyed };
    Ok(AggregationKind::Percentiles { field, wanted })
}

fn read_terms(
    context: &Context<'_>,
    given: &mut GivenParameters<'_>,
) -> Result<AggregationKind, StoreError> {
    let field = given.field(context, ValueUse::Any)?;
    let size = given.count("size", 10)? as usize;
    if size == 0 {
        return Err(bad(
            "`size` is more than 0",
            &join_pointer(given.at, "size"),
        ));
    }
    let least = given.count("min_doc_count", 1)?;
    if least == 0 {
        return Err(unsupported("terms.min_doc_count of 0", given.at));
    }
    let order = match given.take("order") {
        None => vec![(BucketOrder::Count, true)],
        Some((value, at)) => read_orders(&value, &at)?,
    };
    Ok(AggregationKind::Terms {
        field,
        size,
        least,
        order,
    })
}

fn read_orders(value: &Value, at: &str) -> Result<Vec<(BucketOrder, bool)>, StoreError> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut orders = Vec::new();
    for item in items {
        let members = clause::expect_object(item, "order", at)?;
        let (Some((name, direction)), 1) = (members.iter().next(), members.len()) else {
            return Err(bad("an order is one name and its direction", at));
        };
        let descending = match direction.as_str() {
            Some("asc") => false,
            Some("desc") => true,
            _ => return Err(bad("an order is \"asc\" or \"desc\"", at)),
        };
        let order = match name.as_str() {
            "_count" => BucketOrder::Count,
            "_key" => BucketOrder::Key,
            other if other.contains('>') || other.contains('[') => {
                return Err(unsupported(format!("an order by `{other}`"), at));
            }
            other => match other.split_once('.') {
                Some((name, number)) => {
                    BucketOrder::Inner(name.to_owned(), Some(number.to_owned()))
                }
                None => BucketOrder::Inner(other.to_owned(), None),
            },
        };
        orders.push((order, descending));
    }
    Ok(orders)
}

/// An order by an aggregation names one that has a number.
fn check_order(
    orders: &[(BucketOrder, bool)],
    inner: &Aggregations,
    at: &str,
) -> Result<(), StoreError> {
    for (order, _) in orders {
        let BucketOrder::Inner(name, number) = order else {
            continue;
        };
        let at = join_pointer(at, "order");
        let found = inner.0.iter().find(|(known, _)| known == name);
        let Some((_, found)) = found else {
            return Err(bad(format!("there is no aggregation `{name}`"), &at));
        };
        let is_number = match (&found.kind, number.as_deref()) {
            (AggregationKind::Metric { kind, .. }, number) => match kind {
                MetricKind::Stats | MetricKind::ExtendedStats { .. } => {
                    matches!(number, Some("min" | "max" | "avg" | "sum" | "count"))
                }
                _ => matches!(number, None | Some("value")),
            },
            (
                AggregationKind::Filter(_) | AggregationKind::Missing(_),
                None | Some("_count" | "doc_count"),
            ) => true,
            _ => false,
        };
        if !is_number {
            return Err(unsupported(format!("an order by `{name}`"), &at));
        }
    }
    Ok(())
}

fn read_histogram(
    context: &Context<'_>,
    given: &mut GivenParameters<'_>,
) -> Result<AggregationKind, StoreError> {
    let field = given.field(context, ValueUse::Numbers)?;
    let interval = given.real("interval")?;
    let interval = interval.filter(|interval| *interval > 0.0);
    let interval = interval.ok_or_else(|| bad("`interval` is above 0", given.at))?;
    Ok(AggregationKind::Histogram {
        field,
        interval,
        offset: given.real("offset")?.unwrap_or(0.0),
        least: given.count("min_doc_count", 0)?,
        keyed: given.flag("keyed")?,
    })
}

fn read_date_histogram(
    context: &Context<'_>,
    given: &mut GivenParameters<'_>,
) -> Result<AggregationKind, StoreError> {
    let mut field = given.field(context, ValueUse::Numbers)?;
    let calendar = match (
        given.take("calendar_interval"),
        given.take("fixed_interval"),
    ) {
        (Some((value, at)), None) => read_calendar(&value, &at)?,
        (None, Some((value, at))) => read_fixed(&value, &at)?,
        _ => return Err(bad("a date histogram has one interval", given.at)),
    };
    given.spelling(&mut field)?;
    Ok(AggregationKind::Dates {
        field,
        calendar,
        least: given.count("min_doc_count", 0)?,
        keyed: given.flag("keyed")?,
    })
}

fn read_calendar(value: &Value, at: &str) -> Result<Calendar, StoreError> {
    match value.as_str() {
        Some("second" | "1s") => Ok(Calendar::Millis(1_000)),
        Some("minute" | "1m") => Ok(Calendar::Millis(60_000)),
        Some("hour" | "1h") => Ok(Calendar::Millis(3_600_000)),
        Some("day" | "1d") => Ok(Calendar::Millis(86_400_000)),
        Some("week" | "1w") => Ok(Calendar::Week),
        Some("month" | "1M") => Ok(Calendar::Months(1)),
        Some("quarter" | "1q") => Ok(Calendar::Months(3)),
        Some("year" | "1y") => Ok(Calendar::Months(12)),
        _ => Err(bad(format!("{value} is no calendar interval"), at)),
    }
}

fn read_fixed(value: &Value, at: &str) -> Result<Calendar, StoreError> {
    let malformed = || bad(format!("{value} is no fixed interval"), at);
    let text = value.as_str().ok_or_else(malformed)?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(malformed()),
    };
    let count: i64 = text[..digits].parse().map_err(|_| malformed())?;
    let millis = count.checked_mul(unit).filter(|millis| *millis > 0);
    millis.map(Calendar::Millis).ok_or_else(malformed)
}

fn read_filters(
    context: &Context<'_>,
    given: &mut GivenParameters<'_>,
) -> Result<AggregationKind, StoreError> {
    let (wanted, at) = given
        .take("filters")
        .ok_or_else(|| bad("`filters` lacks `filters`", given.at))?;
    let mut queries = Vec::new();
    match &wanted {
        Value::Object(named) => {
            for (name, value) in named {
                let query = query::read_filter(context, value, &join_pointer(&at, name))?;
                queries.push((Some(name.clone()), query));
            }
            // As an index shows them.
            queries.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        Value::Array(items) => {
            for (n, value) in items.iter().enumerate() {
                let query = query::read_filter(context, value, &join_pointer(&at, &n.to_string()))?;
                queries.push((None, query));
            }
        }
        _ => return Err(bad("`filters` is an object or an array", &at)),
    }
    let key = match given.take("other_bucket_key") {
        None => None,
        Some((Value::String(key), _)) => Some(key),
        Some((_, at)) => return Err(bad("a key must be a string", &at)),
    };
    let is_wanted = given.flag("other_bucket")?;
    let others = match key {
        Some(key) => Some(key),
        None => is_wanted.then(|| "_other_".to_owned()),
    };
    Ok(AggregationKind::Filters(NamedFilters { queries, others }))
}

fn top_hits(
    context: &Context<'_>,
    given: &mut GivenParameters<'_>,
) -> Result<AggregationKind, StoreError> {
    let at = given.at;
    let sort = given.take("sort").map(|(value, _)| value);
    let shown = given.take("_source").map(|(value, _)| value);
    let sort = sort::read_sort(context, sort.as_ref(), None)?;
    let from = given.count("from", 0)? as usize;
    let size = given.count("size", 3)? as usize;
    if !(1..=WIDEST).contains(&from.saturating_add(size)) {
        let why = format!("`from` and `size` are together from 1 to {WIDEST}");
        return Err(bad(why, &join_pointer(at, "size")));
    }
    Ok(AggregationKind::TopHits {
        sort,
        from,
        size,
        source: source::ShownSource::read(shown.as_ref(), &join_pointer(at, "_source"))?,
    })
}
