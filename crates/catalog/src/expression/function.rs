//! The closed set of functions that definitions may call. Each is pure and total over JSON; a wrong
//! type is an error, never a guess.

use super::{EvalError, Expr, Scope, kind_of, text};
use serde_json::{Map, Number, Value};

macro_rules! functions {
    ($($variant:ident $name:literal $least:literal..=$most:literal,)*) => {
        /// A function by its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Function { $($variant),* }

        impl Function {
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            pub fn names() -> impl Iterator<Item = &'static str> {
                [$($name),*].into_iter()
            }

            /// How many arguments it takes.
            fn count(self) -> (usize, usize) {
                match self { $(Self::$variant => ($least, $most)),* }
            }
        }
    };
}

functions! {
    Lower "lower" 1..=1,
    Trim "trim" 1..=1,
    Text "text" 1..=1,
    Concat "concat" 1..=32,
    Join "join" 2..=2,
    Sha256Join "sha256_join" 1..=32,
    MaskEmail "mask_email" 1..=1,
    MaskPhone "mask_phone" 1..=1,
    JsonText "json_text" 1..=1,
    SunbirdTime "sunbird_time" 1..=1,
    Date "date" 1..=1,
    Rfc3339 "rfc3339" 1..=1,
    Default "default" 1..=32,
    If "if" 2..=3,
    Present "present" 1..=1,
    Absent "absent" 1..=1,
    Blank "blank" 1..=1,
    Equals "equals" 2..=2,
    Less "less" 2..=2,
    Not "not" 1..=1,
    Any "any" 1..=32,
    All "all" 1..=32,
    In "in" 2..=2,
    Distinct "distinct" 1..=1,
    Without "without" 2..=2,
    Only "only" 2..=2,
    Merge "merge" 1..=32,
    At "at" 2..=2,
    Count "count" 1..=1,
    AsList "as_list" 1..=1,
    Union "union" 1..=32,
    Add "add" 1..=32,
    Greatest "greatest" 1..=32,
    Least "least" 1..=32,
}

impl Function {
    /// Is a list behind its name its arguments, or its one argument?
    pub fn takes_many(self) -> bool {
        self.count().1 > 1
    }

    pub fn check_count(self, given: usize) -> Result<(), String> {
        let (least, most) = self.count();
        match (least..=most).contains(&given) {
            true => Ok(()),
            false if least == most => Err(format!("takes {least} arguments, not {given}")),
            false => Err(format!("takes {least} to {most} arguments, not {given}")),
        }
    }

    /// Arguments are computed only when they are needed.
    pub fn call(self, scope: &Scope<'_>, args: &[Expr]) -> Result<Option<Value>, EvalError> {
        match self {
            Self::Lower => text_of(scope, args, |t| t.to_lowercase()),
            Self::Trim => text_of(scope, args, |t| t.trim().to_owned()),
            Self::MaskEmail => text_of(scope, args, text::mask_email),
            Self::MaskPhone => text_of(scope, args, text::mask_phone),
            Self::Text => Ok(scope
                .find(&args[0])?
                .and_then(|value| as_text(&value))
                .map(Value::from)),
            Self::Concat => Ok(texts(scope, args)?.map(|parts| parts.concat().into())),
            Self::Join => join(scope, args),
            Self::Sha256Join => {
                Ok(texts(scope, args)?.map(|parts| text::sha256_join(&parts).into()))
            }
            Self::JsonText => Ok(scope.find(&args[0])?.map(|value| value.to_string().into())),
            Self::SunbirdTime => time_of(scope, args, text::sunbird_time),
            Self::Date => time_of(scope, args, text::date),
            Self::Rfc3339 => time_of(scope, args, event_schema::codec::rfc3339),
            Self::Default
            | Self::If
            | Self::Present
            | Self::Absent
            | Self::Blank
            | Self::Equals
            | Self::Less => self.choose(scope, args),
            Self::Not | Self::Any | Self::All | Self::In | Self::Distinct => {
                self.choose(scope, args)
            }
            Self::Without
            | Self::Only
            | Self::Merge
            | Self::At
            | Self::Count
            | Self::AsList
            | Self::Union => self.collect(scope, args),
            Self::Add => fold_numbers(scope, args, |a, b| match (a.as_i64(), b.as_i64()) {
                (Some(a), Some(b)) => a.checked_add(b).map(Number::from),
                _ => Number::from_f64(a.as_f64()? + b.as_f64()?),
            }),
            Self::Greatest => fold_numbers(scope, args, |a, b| {
                if number_less(a, b) {
                    Some(b.clone())
                } else {
                    Some(a.clone())
                }
            }),
            Self::Least => fold_numbers(scope, args, |a, b| {
                if number_less(b, a) {
                    Some(b.clone())
                } else {
                    Some(a.clone())
                }
            }),
        }
    }

    fn choose(self, scope: &Scope<'_>, args: &[Expr]) -> Result<Option<Value>, EvalError> {
        let known = |expr| Ok::<_, EvalError>(scope.value(expr)?.filter(|value| !value.is_null()));
        let answer = match self {
            Self::Default => {
                for arg in args {
                    if let Some(value) = known(arg)? {
                        return Ok(Some(value));
                    }
                }
                return Ok(None);
            }
            Self::If => {
                let branch = if scope.holds(&args[0])? {
                    args.get(1)
                } else {
                    args.get(2)
                };
                return branch.map_or(Ok(None), |expr| scope.value(expr));
            }
            Self::Present => known(&args[0])?.is_some(),
            Self::Absent => known(&args[0])?.is_none(),
            Self::Blank => match known(&args[0])? {
                None => true,
                Some(Value::String(text)) => text.trim().is_empty(),
                Some(_) => false,
            },
            Self::Equals => scope.find(&args[0])? == scope.find(&args[1])?,
            Self::Less => match (known(&args[0])?, known(&args[1])?) {
                (Some(Value::Number(a)), Some(Value::Number(b))) => number_less(&a, &b),
                (Some(Value::String(a)), Some(Value::String(b))) => a < b,
                (None, _) | (_, None) => false,
                (Some(a), Some(b)) => {
                    return Err(EvalError(format!(
                        "less: cannot compare {} with {}",
                        kind_of(&a),
                        kind_of(&b)
                    )));
                }
            },
            Self::Not => !scope.holds(&args[0])?,
            Self::Any => {
                let mut any = false;
                for arg in args {
                    any = any || scope.holds(arg)?;
                }
                any
            }
            Self::All => {
                let mut all = true;
                for arg in args {
                    all = all && scope.holds(arg)?;
                }
                all
            }
            Self::In => match (scope.find(&args[0])?, scope.list(&args[1])?) {
                (Some(value), Some(list)) => list.contains(&value),
                _ => false,
            },
            Self::Distinct => {
                let mut seen = std::collections::HashSet::new();
                scope
                    .list(&args[0])?
                    .is_none_or(|list| list.iter().all(|value| seen.insert(value.to_string())))
            }
            _ => return Err(EvalError(format!("{self:?} is not a condition"))),
        };
        Ok(Some(answer.into()))
    }

    fn collect(self, scope: &Scope<'_>, args: &[Expr]) -> Result<Option<Value>, EvalError> {
        match self {
            Self::Without | Self::Only => {
                let Some(mut object) = object(scope, &args[0])? else {
                    return Ok(None);
                };
                let names = scope.list(&args[1])?.unwrap_or_default();
                object.retain(|name, _| {
                    names.iter().any(|n| n.as_str() == Some(name)) == (self == Self::Only)
                });
                Ok(Some(object.into()))
            }
            Self::Merge => {
                let mut merged: Option<Map<String, Value>> = None;
                for arg in args {
                    if let Some(next) = object(scope, arg)? {
                        merged.get_or_insert_default().extend(next);
                    }
                }
                Ok(merged.map(Value::Object))
            }
            Self::At => {
                let index = scope
                    .find(&args[1])?
                    .and_then(|index| index.as_u64())
                    .and_then(|index| usize::try_from(index).ok());
                Ok(scope
                    .list(&args[0])?
                    .and_then(|list| list.get(index?).cloned()))
            }
            Self::Count => Ok(scope.list(&args[0])?.map(|list| list.len().into())),
            Self::AsList => Ok(scope.value(&args[0])?.filter(|value| !value.is_null()).map(
                |value| match value {
                    Value::Array(list) => Value::Array(list),
                    one => Value::Array(vec![one]),
                },
            )),
            Self::Union => {
                let mut union: Vec<Value> = Vec::new();
                for arg in args {
                    for value in scope.list(arg)?.unwrap_or_default().iter() {
                        if !union.contains(value) {
                            union.push(value.clone());
                        }
                    }
                }
                Ok(Some(union.into()))
            }
            _ => Err(EvalError(format!(
                "{self:?} does not work on objects or lists"
            ))),
        }
    }
}

fn text_of(
    scope: &Scope<'_>,
    args: &[Expr],
    make: impl Fn(&str) -> String,
) -> Result<Option<Value>, EvalError> {
    Ok(scope.text(&args[0])?.map(|text| make(&text).into()))
}

/// All texts, or `None` if one is absent.
fn texts(scope: &Scope<'_>, args: &[Expr]) -> Result<Option<Vec<String>>, EvalError> {
    let mut parts = Vec::with_capacity(args.len());
    for arg in args {
        match scope.find(arg)?.and_then(|value| as_text(&value)) {
            Some(part) => parts.push(part),
            None => return Ok(None),
        }
    }
    Ok(Some(parts))
}

fn join(scope: &Scope<'_>, args: &[Expr]) -> Result<Option<Value>, EvalError> {
    let (Some(list), Some(separator)) = (scope.list(&args[0])?, scope.text(&args[1])?) else {
        return Ok(None);
    };
    let parts: Vec<String> = list.iter().filter_map(as_text).collect();
    Ok(Some(parts.join(&separator).into()))
}

/// Texts as they are, numbers and truth values as JSON writes them; nothing else has a text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn time_of(
    scope: &Scope<'_>,
    args: &[Expr],
    make: impl Fn(i64) -> String,
) -> Result<Option<Value>, EvalError> {
    match scope.find(&args[0])?.as_deref() {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(millis) => Ok(Some(make(millis).into())),
            None => Err(EvalError(format!(
                "expected a time in milliseconds, found {}",
                kind_of(value)
            ))),
        },
    }
}

fn object(scope: &Scope<'_>, expr: &Expr) -> Result<Option<Map<String, Value>>, EvalError> {
    match scope.value(expr)? {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(EvalError(format!(
            "expected an object, found {}",
            kind_of(&other)
        ))),
    }
}

fn fold_numbers(
    scope: &Scope<'_>,
    args: &[Expr],
    fold: impl Fn(&Number, &Number) -> Option<Number>,
) -> Result<Option<Value>, EvalError> {
    let mut sum: Option<Number> = None;
    for arg in args {
        match scope.value(arg)? {
            None | Some(Value::Null) => {}
            Some(Value::Number(next)) => {
                sum = match sum {
                    None => Some(next),
                    Some(before) => Some(
                        fold(&before, &next)
                            .ok_or_else(|| EvalError("the number does not fit".into()))?,
                    ),
                };
            }
            Some(other) => {
                return Err(EvalError(format!(
                    "expected a number, found {}",
                    kind_of(&other)
                )));
            }
        }
    }
    Ok(sum.map(Value::Number))
}

fn number_less(a: &Number, b: &Number) -> bool {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a < b,
        _ => a.as_f64().unwrap_or(f64::NAN) < b.as_f64().unwrap_or(f64::NAN),
    }
}
