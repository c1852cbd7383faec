//! The closed set of functions that definitions may call: one table of name, arguments, what comes
//! out, and how it is computed. Each is pure and total over JSON; a wrong type is an error, never a
//! guess. Calls are checked against the table when a catalog is loaded.

mod choice;
mod lists;
mod numbers;
mod objects;
mod texts;
mod times;

use super::{EvalError, Expr, Scope, kind_of};
use serde_json::Value;
use std::{borrow::Cow, fmt};

/// What a value is known to be before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueShape {
    /// Not known, or anything goes.
    Any,
    Text,
    Number,
    Truth,
    List,
    Object,
}

impl ValueShape {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Any,
            Value::Bool(_) => Self::Truth,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }

    pub fn takes(self, given: Self) -> bool {
        self == given || self == Self::Any || given == Self::Any
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// A value that was made, or `None` if it is absent.
type Evaluated = Result<Option<Value>, EvalError>;
/// A value that may stand somewhere already, or `None` if it is absent.
type Picked<'s> = Result<Option<Cow<'s, Value>>, EvalError>;

/// How a function is computed.
#[derive(Clone, Copy)]
enum Evaluation {
    Makes(fn(&Scope<'_>, &[Expr]) -> Evaluated),
    /// It gives one of its arguments or a part of one, which is not copied where it stands somewhere.
    Picks(for<'s> fn(&Scope<'s>, &'s [Expr]) -> Picked<'s>),
}

/// One row of the table.
struct FunctionRow {
    name: &'static str,
    /// The last one stands for all that follow.
    takes: &'static [ValueShape],
    /// How many arguments: at least, at most.
    count: (usize, usize),
    gives: ValueShape,
    run: Evaluation,
}

/// A function by its name.
#[derive(Clone, Copy)]
pub(crate) struct Function(&'static FunctionRow);

use Evaluation::{Makes, Picks};
use ValueShape::{Any, List, Number, Object, Text, Truth};

const MANY: usize = 64;

const fn function_row(
    name: &'static str,
    takes: &'static [ValueShape],
    count: (usize, usize),
    gives: ValueShape,
    run: Evaluation,
) -> FunctionRow {
    FunctionRow {
        name,
        takes,
        count,
        gives,
        run,
    }
}

static TABLE: &[FunctionRow] = &[
    function_row("lower", &[Text], (1, 1), Text, Makes(texts::lower)),
    function_row("trim", &[Text], (1, 1), Text, Makes(texts::trim)),
    function_row("slug", &[Text], (1, 1), Text, Makes(texts::slug)),
    function_row("text", &[Any], (1, 1), Text, Makes(texts::text)),
    function_row("concat", &[Any], (1, MANY), Text, Makes(texts::concat)),
    function_row("join", &[List, Text], (2, 2), Text, Makes(texts::join)),
    function_row("split", &[Text, Text], (2, 2), List, Makes(texts::split)),
    function_row("csv", &[Text], (1, 1), List, Makes(texts::csv)),
    function_row("csv_names", &[Text], (1, 1), List, Makes(texts::csv_names)),
    function_row(
        "sha256_join",
        &[Any],
        (1, MANY),
        Text,
        Makes(texts::sha256_join),
    ),
    function_row(
        "mask_email",
        &[Text],
        (1, 1),
        Text,
        Makes(texts::mask_email),
    ),
    function_row(
        "mask_phone",
        &[Text],
        (1, 1),
        Text,
        Makes(texts::mask_phone),
    ),
    function_row("json_text", &[Any], (1, 1), Text, Makes(texts::json_text)),
    function_row("parse_json", &[Text], (1, 1), Any, Makes(texts::parse_json)),
    function_row(
        "secret_digits",
        &[Any],
        (1, MANY),
        Text,
        Makes(texts::secret_digits),
    ),
    function_row(
        "sunbird_time",
        &[Number],
        (1, 1),
        Text,
        Makes(times::sunbird_time),
    ),
    function_row("date", &[Number], (1, 1), Text, Makes(times::date)),
    function_row("rfc3339", &[Number], (1, 1), Text, Makes(times::rfc3339)),
    function_row("latest", &[Text], (1, MANY), Text, Makes(times::latest)),
    function_row("default", &[Any], (1, MANY), Any, Picks(choice::default)),
    function_row("if", &[Truth, Any], (2, 3), Any, Picks(choice::branch)),
    function_row("present", &[Any], (1, 1), Truth, Makes(choice::present)),
    function_row("absent", &[Any], (1, 1), Truth, Makes(choice::absent)),
    function_row("blank", &[Any], (1, 1), Truth, Makes(choice::blank)),
    function_row("equals", &[Any], (2, 2), Truth, Makes(choice::equals)),
    function_row("less", &[Any], (2, 2), Truth, Makes(choice::less)),
    function_row("not", &[Truth], (1, 1), Truth, Makes(choice::not)),
    function_row("any", &[Truth], (1, MANY), Truth, Makes(choice::any)),
    function_row("all", &[Truth], (1, MANY), Truth, Makes(choice::all)),
    function_row("in", &[Any, List], (2, 2), Truth, Makes(choice::within)),
    function_row("distinct", &[List], (1, 1), Truth, Makes(choice::distinct)),
    function_row(
        "without",
        &[Object, List],
        (2, 2),
        Object,
        Makes(objects::without),
    ),
    function_row(
        "only",
        &[Object, List],
        (2, 2),
        Object,
        Makes(objects::only),
    ),
    function_row("merge", &[Object], (1, MANY), Object, Makes(objects::merge)),
    function_row("get", &[Object, Text], (2, 2), Any, Picks(objects::get)),
    function_row(
        "names_where",
        &[Object, Any],
        (2, 2),
        List,
        Makes(objects::names_where),
    ),
    function_row(
        "object_of",
        &[List, Any],
        (2, 2),
        Object,
        Makes(objects::object_of),
    ),
    function_row("at", &[List, Number], (2, 2), Any, Picks(lists::at)),
    function_row("count", &[List], (1, 1), Number, Makes(lists::count)),
    function_row("as_list", &[Any], (1, 1), List, Picks(lists::as_list)),
    function_row("union", &[List], (1, MANY), List, Makes(lists::union)),
    function_row(
        "difference",
        &[List, List],
        (2, 2),
        List,
        Makes(lists::difference),
    ),
    function_row("append", &[List], (1, MANY), List, Makes(lists::append)),
    function_row(
        "put_in",
        &[List, Text, List],
        (3, 3),
        List,
        Makes(lists::put_in),
    ),
    function_row(
        "take_out",
        &[List, Text, List],
        (3, 3),
        List,
        Makes(lists::take_out),
    ),
    function_row("add", &[Number], (1, MANY), Number, Makes(numbers::add)),
    function_row("minus", &[Number], (2, 2), Number, Makes(numbers::minus)),
    function_row("sum", &[List], (1, 1), Number, Makes(numbers::sum)),
    function_row(
        "greatest",
        &[Number],
        (1, MANY),
        Number,
        Makes(numbers::greatest),
    ),
    function_row("least", &[Number], (1, MANY), Number, Makes(numbers::least)),
];

impl Function {
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(Self)
    }

    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|row| row.name)
    }

    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub fn gives(self) -> ValueShape {
        self.0.gives
    }

    /// Is a list behind its name its arguments, or its one argument?
    pub fn takes_many(self) -> bool {
        self.0.count.1 > 1
    }

    /// What its argument at this place is, counted from 0.
    pub fn wanted(self, place: usize) -> ValueShape {
        let takes = self.0.takes;
        takes[place.min(takes.len() - 1)]
    }

    /// Are these arguments that it takes, as far as that is known before anything is computed?
    pub fn check(self, given: &[Expr]) -> Result<(), String> {
        let (least, most) = self.0.count;
        let count = given.len();
        if !(least..=most).contains(&count) {
            return Err(if least == most {
                format!("takes {least} arguments, not {count}")
            } else {
                format!("takes {least} to {most} arguments, not {count}")
            });
        }
        for (n, argument) in given.iter().enumerate() {
            let wanted = self.wanted(n);
            let given = kind_before(argument);
            if !wanted.takes(given) {
                return Err(format!(
                    "argument {} must be {}, not {}",
                    n + 1,
                    wanted.name(),
                    given.name()
                ));
            }
        }
        Ok(())
    }

    /// Arguments are computed only when they are needed.
    pub fn call<'s>(self, scope: &Scope<'s>, args: &'s [Expr]) -> Picked<'s> {
        match self.0.run {
            Makes(make) => Ok(make(scope, args)?.map(Cow::Owned)),
            Picks(pick) => pick(scope, args),
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// What an expression will give, as far as it says so itself.
fn kind_before(expr: &Expr) -> ValueShape {
    match expr {
        Expr::Constant(value) => ValueShape::of(value),
        Expr::Reference(_) => Any,
        Expr::Object(_) => Object,
        Expr::List(_) => List,
        Expr::Call(function, _) => function.gives(),
        Expr::Each(each, _) => each.gives(),
    }
}

/// A value that is there and not null.
fn known_value<'s>(scope: &Scope<'s>, expr: &'s Expr) -> Picked<'s> {
    Ok(scope.find(expr)?.filter(|value| !value.is_null()))
}

/// Texts as they are, numbers and truth values as JSON writes them; nothing else has a text.
fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(truth) => Some(if *truth { "true" } else { "false" }.into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The member by which elements of a list are told apart.
fn named_member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|member| !member.is_null())
}

fn wrong_type(expected: &str, found: &Value) -> EvalError {
    EvalError(format!("expected {expected}, found {}", kind_of(found)))
}
