//! Which plain values one may be, before there is one. It must never claim less than can be.

use super::MemberShape;
use crate::expression::ValueShape;
use event_schema::table::ColumnType;

/// A text, a number, true or false: one of them or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::catalog) struct PlainKinds {
    text: bool,
    number: bool,
    truth: bool,
}

impl PlainKinds {
    const NONE: Self = Self {
        text: false,
        number: false,
        truth: false,
    };
    pub const TEXT: Self = Self {
        text: true,
        ..Self::NONE
    };
    pub const NUMBER: Self = Self {
        number: true,
        ..Self::NONE
    };
    pub const TRUTH: Self = Self {
        truth: true,
        ..Self::NONE
    };

    pub fn or(self, other: Self) -> Self {
        Self {
            text: self.text || other.text,
            number: self.number || other.number,
            truth: self.truth || other.truth,
        }
    }

    /// Can a value be one of both?
    pub fn meets(self, other: Self) -> bool {
        (self.text && other.text) || (self.number && other.number) || (self.truth && other.truth)
    }

    pub fn shapes(self) -> Vec<ValueShape> {
        let all = [
            (self.text, ValueShape::Text),
            (self.number, ValueShape::Number),
            (self.truth, ValueShape::Truth),
        ];
        let may_be = all.into_iter().filter(|(may_be, _)| *may_be);
        may_be.map(|(_, shape)| shape).collect()
    }
}

impl MemberShape {
    pub const TEXT: Self = Self::Plain(PlainKinds::TEXT);
    pub const NUMBER: Self = Self::Plain(PlainKinds::NUMBER);
    pub const TRUTH: Self = Self::Plain(PlainKinds::TRUTH);

    /// Of a value in a column of this type, written or read: a time is either form of it until a
    /// store has made one of them.
    pub fn of_column(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::Text => Self::TEXT,
            ColumnType::Int | ColumnType::Bigint | ColumnType::Double => Self::NUMBER,
            ColumnType::Boolean => Self::TRUTH,
            ColumnType::Timestamp => Self::Plain(PlainKinds::TEXT.or(PlainKinds::NUMBER)),
            ColumnType::List(of) | ColumnType::Set(of) => Self::List(Box::new(Self::of_column(of))),
            ColumnType::Map(_) => Self::Open,
        }
    }

    /// What a function gives that says it gives this.
    pub fn of_value(shape: ValueShape) -> Self {
        match shape {
            ValueShape::Text => Self::TEXT,
            ValueShape::Number => Self::NUMBER,
            ValueShape::Truth => Self::TRUTH,
            ValueShape::List => Self::List(Box::new(Self::Open)),
            ValueShape::Any | ValueShape::Object => Self::Open,
        }
    }

    /// Can a value of this shape be one of the other?
    pub fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Open | Self::Nothing, _) | (_, Self::Open | Self::Nothing) => true,
            (Self::Plain(one), Self::Plain(other)) => one.meets(*other),
            (Self::List(one), Self::List(other)) => one.may_be(other),
            (Self::Closed(_), Self::Closed(_)) => true,
            _ => false,
        }
    }

    /// For sentences.
    pub fn described(&self) -> &'static str {
        match self.kinds()[..] {
            [kind] => kind.name(),
            _ => "a plain value",
        }
    }
}
