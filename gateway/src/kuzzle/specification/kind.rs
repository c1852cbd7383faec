//! The types of fields: which options each takes, and which values it accepts.

use field_values::{
    date::{self, DateFormat},
    ip, point,
};
use serde_json::{Map, Value};

/// A type with its options.
#[derive(Debug)]
pub(super) enum FieldType {
    Anything,
    Boolean,
    Text(NumberRange),
    Number { whole: bool, range: NumberRange },
    Choice(Vec<String>),
    Date(DateOptions),
    Email { empty: bool },
    Address { empty: bool },
    Url { empty: bool },
    Point,
    Object { strict: Option<bool> },
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NumberRange {
    min: Option<f64>,
    max: Option<f64>,
}

#[derive(Debug)]
pub(super) struct DateOptions {
    formats: Vec<String>,
    min: Option<i64>,
    max: Option<i64>,
}

impl FieldType {
    /// By its name and options; the fault names what cannot be. A bound that moves with the clock
    /// (`NOW`) and shapes are not served.
    pub(super) fn read(name: &str, options: &Map<String, Value>) -> Result<Self, String> {
        let only = |known: &[&str]| match options.keys().find(|key| !known.contains(&key.as_str()))
        {
            Some(_) => Err(format!(
                "The object \"typeOptions\" contains unexpected properties (allowed: {}).",
                known.join(", ")
            )),
            None => Ok(()),
        };
        let flag = |name: &str| match options.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(wrong_type(name, "boolean")),
        };
        let maybe_empty = || {
            only(&["notEmpty"])?;
            Ok::<_, String>(!flag("notEmpty")?.unwrap_or(false))
        };
        Ok(match name {
            "anything" => only(&[]).map(|()| Self::Anything)?,
            "boolean" => only(&[]).map(|()| Self::Boolean)?,
            "geo_point" => only(&[]).map(|()| Self::Point)?,
            "string" => {
                only(&["length"]).and_then(|()| Ok(Self::Text(read_range(options, "length")?)))?
            }
            "integer" | "numeric" => {
                only(&["range"])?;
                Self::Number {
                    whole: name == "integer",
                    range: read_range(options, "range")?,
                }
            }
            "enum" => only(&["values"]).and_then(|()| enum_type(options))?,
            "date" => only(&["range", "formats"]).and_then(|()| date_type(options))?,
            "email" => Self::Email {
                empty: maybe_empty()?,
            },
            "ip_address" => Self::Address {
                empty: maybe_empty()?,
            },
            "url" => Self::Url {
                empty: maybe_empty()?,
            },
            "object" => {
                only(&["strict"])?;
                Self::Object {
                    strict: flag("strict")?,
                }
            }
            "geo_shape" => return Err("The type \"geo_shape\" is not supported here.".to_owned()),
            other => return Err(format!("unknown type \"{other}\".")),
        })
    }

    /// Why it does not take the value.
    pub(super) fn refusal(&self, value: &Value) -> Option<String> {
        let refused = |wrong: bool, why: &str| wrong.then(|| why.to_owned());
        match self {
            Self::Anything => None,
            Self::Boolean => refused(!value.is_boolean(), "The field must be of type boolean."),
            Self::Object { .. } => refused(!value.is_object(), "The value must be an object."),
            Self::Point => refused(point::read_point(value).is_err(), "Invalid GeoPoint format"),
            Self::Number { whole, range } => number_fault(value, *whole, *range),
            Self::Date(dates) => dates.refusal(value),
            Self::Text(_) | Self::Choice(_) => self.text_refusal(value),
            Self::Email { empty } | Self::Address { empty } | Self::Url { empty } => match value {
                Value::String(text) if text.is_empty() => {
                    refused(!empty, "The string must not be empty.")
                }
                _ => self.text_refusal(value),
            },
        }
    }

    fn text_refusal(&self, value: &Value) -> Option<String> {
        let Value::String(text) = value else {
            return Some("The field must be a string.".to_owned());
        };
        let refused = |right: bool, why: &str| (!right).then(|| why.to_owned());
        match self {
            Self::Choice(values) => refused(
                values.contains(text),
                &format!(
                    "The field only accepts following values: \"{}\".",
                    values.join(", ")
                ),
            ),
            Self::Email { .. } => {
                refused(is_email(text), "The string must be a valid email address.")
            }
            Self::Address { .. } => refused(
                ip::parse(text).is_some(),
                "The string must be a valid IP address.",
            ),
            Self::Url { .. } => refused(is_url(text), "The string must be a valid URL."),
            Self::Text(range) => {
                // As JavaScript counts.
                let length = text.encode_utf16().count() as f64;
                range.beyond(length).map(|(what, bound)| {
                    format!("Invalid string length. Expected {what}: {bound}. Received: {length} (\"{text}\")")
                })
            }
            _ => None,
        }
    }
}

impl NumberRange {
    /// The bound that a number is beyond.
    fn beyond(self, number: f64) -> Option<(&'static str, f64)> {
        let below = self.min.filter(|min| number < *min).map(|min| ("min", min));
        below.or(self.max.filter(|max| number > *max).map(|max| ("max", max)))
    }
}

impl DateOptions {
    fn refusal(&self, value: &Value) -> Option<String> {
        let millis = self.formats.iter().find_map(|format| {
            // A count of time is a number, and all else a text.
            if format.starts_with("epoch_") != value.is_number() {
                return None;
            }
            date::of_document(&DateFormat::read(Some(format)), value).ok()
        });
        let Some(millis) = millis else {
            return Some("The date format is invalid.".to_owned());
        };
        if self.min.is_some_and(|min| millis < min) {
            return Some("The provided date is before the defined minimum.".to_owned());
        }
        let late = self.max.is_some_and(|max| millis > max);
        late.then(|| "The provided date is after the defined maximum.".to_owned())
    }
}

fn wrong_type(name: &str, expected: &str) -> String {
    format!("Wrong type for parameter \"{name}\" (expected: {expected}).")
}

fn number_fault(value: &Value, whole: bool, range: NumberRange) -> Option<String> {
    let Some(number) = value.as_f64() else {
        return Some("The field must be a number.".to_owned());
    };
    match range.beyond(number) {
        Some(("min", min)) => Some(format!(
            "Value {value} is lesser than the allowed minimum ({min})"
        )),
        Some((_, max)) => Some(format!(
            "Value {value} is greater than the allowed maximum ({max})"
        )),
        None if whole && number.fract() != 0.0 => Some("The field must be an integer.".to_owned()),
        None => None,
    }
}

fn read_range(options: &Map<String, Value>, name: &str) -> Result<NumberRange, String> {
    let Some(range) = options.get(name) else {
        return Ok(NumberRange::default());
    };
    let bounds = range_bounds(range, name)?;
    let bound = |which: &str| match bounds.get(which) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .map(Some)
            .ok_or_else(|| wrong_type(&format!("{name}.{which}"), "number")),
    };
    let (min, max) = (bound("min")?, bound("max")?);
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        Err(inverted_range(name))
    } else {
        Ok(NumberRange { min, max })
    }
}

fn range_bounds<'a>(range: &'a Value, name: &str) -> Result<&'a Map<String, Value>, String> {
    let bounds = range.as_object();
    let known = |key: &String| key == "min" || key == "max";
    bounds
        .filter(|bounds| bounds.keys().all(known))
        .ok_or_else(|| {
            format!("The object \"{name}\" contains unexpected properties (allowed: min, max).")
        })
}

fn inverted_range(name: &str) -> String {
    format!("Property \"{name}\": invalid range (min > max).")
}

fn enum_type(options: &Map<String, Value>) -> Result<FieldType, String> {
    let values = options.get("values").ok_or(
        "The \"enum\" type requires a \"values\" property holding the list of the enum values.",
    )?;
    let values = values.as_array().filter(|values| !values.is_empty());
    let texts: Option<Vec<String>> = values
        .into_iter()
        .flatten()
        .map(|value| value.as_str().map(str::to_owned))
        .collect();
    texts
        .filter(|texts| !texts.is_empty())
        .map(FieldType::Choice)
        .ok_or_else(|| wrong_type("values", "string[]"))
}

fn date_type(options: &Map<String, Value>) -> Result<FieldType, String> {
    let formats: Vec<String> = match options.get("formats") {
        None => vec!["epoch_millis".to_owned()],
        Some(given) => {
            let list = given.as_array().filter(|list| !list.is_empty());
            let list: Option<Vec<String>> = list
                .map(|list| {
                    list.iter()
                        .map(|one| Some(one.as_str()?.to_owned()))
                        .collect()
                })
                .ok_or_else(|| wrong_type("formats", "non-empty array"))?;
            list.ok_or_else(|| wrong_type("formats", "non-empty array"))?
        }
    };
    let known: Vec<String> = date::format::format_names().map(|(name, _)| name).collect();
    let unknown: Vec<&str> = formats
        .iter()
        .filter(|format| !known.contains(format))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        return Err(format!(
            "The following date types are invalid: {}.",
            unknown.join(", ")
        ));
    }
    let none = Map::new();
    let range = options
        .get("range")
        .map(|range| range_bounds(range, "range"));
    let range = range.transpose()?.unwrap_or(&none);
    let bound = |which: &str| match range.get(which) {
        None => Ok(None),
        Some(value) => {
            let formats = DateFormat::read(Some("strict_date_optional_time||epoch_millis"));
            date::of_document(&formats, value)
                .map(Some)
                .map_err(|_| format!("Cannot parse the date value: {value}."))
        }
    };
    let (min, max) = (bound("min")?, bound("max")?);
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        Err(inverted_range("range"))
    } else {
        Ok(FieldType::Date(DateOptions { formats, min, max }))
    }
}

/// One `@`, a name before it without blanks, and a domain of labels behind it.
fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let named = !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
    named && is_domain(domain)
}

fn is_domain(domain: &str) -> bool {
    let mut labels = domain.split('.').peekable();
    let mut count = 0;
    while let Some(label) = labels.next() {
        let sound = (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-');
        let last = labels.peek().is_none();
        if !sound || (last && (label.len() < 2 || label.chars().all(|c| c.is_ascii_digit()))) {
            return false;
        }
        count += 1;
    }
    count > 1
}

/// `http`, `https` or `ftp`, or no scheme; a host that is a domain or an address.
fn is_url(text: &str) -> bool {
    if text.chars().any(|c| c.is_whitespace() || "<>".contains(c)) {
        return false;
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if ["http", "https", "ftp"].contains(&&*scheme.to_lowercase()) => rest,
        Some(_) => return false,
        None => text,
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (host, None),
    };
    let port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let address = host.trim_start_matches('[').trim_end_matches(']');
    port && (is_domain(host) || ip::parse(address).is_some())
}
