//! Ranges of numbers and of dates, as a search says them.

use super::GivenParameters;
use crate::search::{
    Context,
    aggregate::{
        AggregationKind, BucketRange,
        value::{AggregatedField, ValueUse},
    },
    bad, clause, unsupported,
};
use serde_json::Value;
use store::{
    StoreError,
    cell::join_pointer,
    mapping::date::{DateFormat, Fill, Moment, NotAMoment},
};

pub(super) fn read(
    context: &Context<'_>,
    given: &mut GivenParameters<'_>,
) -> Result<AggregationKind, StoreError> {
    let mut field = given.field(context, ValueUse::Numbers)?;
    let keyed = given.flag("keyed")?;
    let of_dates = given.kind == "date_range";
    if of_dates {
        given.spelling(&mut field)?;
        field.expect_dates();
    }
    let dates = match field.date_formats().filter(|_| of_dates) {
        // Which dates it holds only documents tell.
        None if of_dates && field.is_guessed() => {
            return Err(unsupported(
                "date_range on a field that is not mapped",
                given.at,
            ));
        }
        None => None,
        Some(formats) => Some((formats, context.now)),
    };
    let kind = given.kind;
    let Some((Value::Array(items), at)) = given.take("ranges") else {
        return Err(bad(format!("`{kind}` lacks `ranges`"), given.at));
    };
    if items.is_empty() {
        return Err(bad("`ranges` is empty", &at));
    }
    let mut ranges = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let here = join_pointer(&at, &n.to_string());
        let mut one = GivenParameters {
            kind,
            members: clause::expect_object(item, kind, &here)?.clone(),
            at: &here,
        };
        one.members.retain(|_, value| !value.is_null());
        ranges.push(range(&field, dates.as_ref(), &mut one)?);
        one.finish()?;
    }
    let bound = |bound: Option<f64>, open: f64| bound.unwrap_or(open);
    ranges.sort_by(|a, b| {
        let begins = bound(a.from, f64::NEG_INFINITY).total_cmp(&bound(b.from, f64::NEG_INFINITY));
        begins.then(bound(a.to, f64::INFINITY).total_cmp(&bound(b.to, f64::INFINITY)))
    });
    Ok(AggregationKind::Ranges {
        field,
        ranges,
        keyed,
        of_dates,
    })
}

fn range(
    field: &AggregatedField,
    dates: Option<&(Vec<DateFormat>, i64)>,
    one: &mut GivenParameters<'_>,
) -> Result<BucketRange, StoreError> {
    let key = match one.take("key") {
        None => None,
        Some((Value::String(key), _)) => Some(key),
        Some((_, at)) => return Err(bad("a key must be a string", &at)),
    };
    let mut bound = |name: &str| match dates {
        None => one.real(name),
        Some(dates) => match one.take(name) {
            None => Ok(None),
            Some((value, at)) => moment(dates, &value, &at).map(Some),
        },
    };
    let (from, to) = (bound("from")?, bound("to")?);
    let at = one.at;
    let stored = |bound: Option<f64>, open: f64| match bound {
        Some(bound) if dates.is_none() => field.stored(bound, at),
        Some(bound) => Ok(bound),
        None => Ok(open),
    };
    let within = stored(from, f64::NEG_INFINITY)?..stored(to, f64::INFINITY)?;
    Ok(BucketRange {
        key,
        from,
        to,
        within,
    })
}

/// A number, too, is read by the formats, as its digits.
fn moment(
    (formats, now): &(Vec<DateFormat>, i64),
    value: &Value,
    at: &str,
) -> Result<f64, StoreError> {
    let text = match value {
        Value::Number(number) => number.as_f64().map(|number| (number as i64).to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let malformed = || bad(format!("{value} is no date"), at);
    let moment = Moment {
        formats,
        now: *now,
        offset: 0,
    };
    let text = text.ok_or_else(malformed)?;
    match moment.of(&text.into(), Fill::Down) {
        Ok(millis) => Ok(millis as f64),
        Err(NotAMoment::Regional(region)) => {
            Err(unsupported(format!("the time zone `{region}`"), at))
        }
        Err(_) => Err(malformed()),
    }
}
