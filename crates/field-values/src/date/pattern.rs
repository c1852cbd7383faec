//! Dates written as patterns (`yyyy-MM-dd HH:mm:ss`): the letters for numbers of a fixed width,
//! literals, and offsets. A pattern with anything else is not read: its name stays unknown. One that
//! is nothing but literals (`5`) is read, and no text is a date of it.

use super::{
    Civil,
    iso::{skip_mark, take_digits, take_fraction},
    zone::{self, Zone},
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// Four digits; with a sign, where years before 0 are meant.
    Year {
        signed: bool,
    },
    Month {
        least: usize,
    },
    Day {
        least: usize,
    },
    Hour {
        least: usize,
    },
    Minute {
        least: usize,
    },
    Second {
        least: usize,
    },
    Fraction(usize),
    Literal(char),
    /// `X`: Z or an offset.
    Offset,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    parts: Vec<Part>,
    rolls: bool,
}

impl Pattern {
    pub fn read(text: &str) -> Option<Self> {
        let (mut parts, mut letters) = (Vec::new(), text.chars().peekable());
        while let Some(letter) = letters.next() {
            if letter == '\'' {
                loop {
                    match letters.next()? {
                        '\'' => break,
                        other => parts.push(Part::Literal(other)),
                    }
                }
                continue;
            }
            if !letter.is_ascii_alphabetic() {
                if "[]{}#".contains(letter) {
                    return None;
                }
                parts.push(Part::Literal(letter));
                continue;
            }
            let mut width = 1;
            while letters.next_if_eq(&letter).is_some() {
                width += 1;
            }
            parts.push(pattern_part(letter, width)?);
        }
        let has = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count();
        let years = has(|part| matches!(part, Part::Year { .. }));
        let narrow_before_digit = parts
            .windows(2)
            .any(|pair| pair[0].is_narrow() && !matches!(pair[1], Part::Literal(_) | Part::Offset));
        let is_dated = years == 1 && !narrow_before_digit && Self::is_whole(&parts);
        (is_dated || Self::is_literal(&parts)).then_some(Self {
            parts,
            rolls: false,
        })
    }

    /// The same, and a day beyond its month's end is one of the next month.
    pub fn rolling(self) -> Self {
        Self {
            rolls: true,
            ..self
        }
    }

    /// An index takes the text that it is, and finds no date in it.
    fn is_literal(parts: &[Part]) -> bool {
        !parts.is_empty() && parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// A day comes with its month, a minute with its hour, and nothing comes twice.
    fn is_whole(parts: &[Part]) -> bool {
        let count = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count();
        let counts = [
            count(|part| matches!(part, Part::Month { .. })),
            count(|part| matches!(part, Part::Day { .. })),
            count(|part| matches!(part, Part::Hour { .. })),
            count(|part| matches!(part, Part::Minute { .. })),
            count(|part| matches!(part, Part::Second { .. })),
            count(|part| matches!(part, Part::Fraction(_))),
        ];
        counts.iter().all(|count| *count <= 1) && counts.windows(2).all(|pair| pair[0] >= pair[1])
    }

    /// A moment as the pattern spells it; `None` for years that it cannot.
    pub fn spell(&self, millis: i64) -> Option<String> {
        const DAY: i64 = 86_400_000;
        let (year, month, day) = super::calendar::date_of_days(millis.div_euclid(DAY));
        let of_day = millis.rem_euclid(DAY);
        let mut text = String::new();
        for part in &self.parts {
            let (number, width) = match part {
                // Before the year 1 they are counted backwards, but where a sign tells.
                Part::Year { signed: false } if year <= 0 => (1 - year, 4),
                Part::Year { .. } if (0..10_000).contains(&year) => (year, 4),
                Part::Year { .. } => return None,
                Part::Month { least } => (month, *least),
                Part::Day { least } => (day, *least),
                Part::Hour { least } => (of_day / 3_600_000, *least),
                Part::Minute { least } => (of_day / 60_000 % 60, *least),
                Part::Second { least } => (of_day / 1_000 % 60, *least),
                Part::Fraction(width) => {
                    let nanos = format!("{:09}", of_day % 1_000 * 1_000_000);
                    text.push_str(nanos.get(..*width)?);
                    continue;
                }
                Part::Literal(letter) => {
                    text.push(*letter);
                    continue;
                }
                Part::Offset => {
                    text.push('Z');
                    continue;
                }
            };
            text.push_str(&format!("{number:0width$}"));
        }
        Some(text)
    }

    pub fn parse(&self, text: &str) -> Option<Civil> {
        if Self::is_literal(&self.parts) {
            return None;
        }
        let (mut civil, mut rest) = (
            Civil {
                rolls: self.rolls,
                ..Civil::default()
            },
            text,
        );
        for part in &self.parts {
            let rest = &mut rest;
            match *part {
                Part::Year { signed } => {
                    let negative = signed && skip_mark(rest, '-');
                    let year = take_digits(rest, 4, 4)?;
                    if year == 0 && !signed {
                        return None;
                    }
                    civil.year = if negative { -year } else { year };
                }
                Part::Month { least } => civil.month = Some(take_digits(rest, least, 2)?),
                Part::Day { least } => civil.day = Some(take_digits(rest, least, 2)?),
                Part::Hour { least } => civil.hour = Some(take_digits(rest, least, 2)?),
                Part::Minute { least } => civil.minute = Some(take_digits(rest, least, 2)?),
                Part::Second { least } => civil.second = Some(take_digits(rest, least, 2)?),
                Part::Fraction(width) => civil.milli = Some(take_fraction(rest, width, width)?),
                Part::Literal(letter) => skip_mark(rest, letter).then_some(())?,
                Part::Offset => civil.zone = Some(Zone::Offset(zone::take_offset(rest)?)),
            }
        }
        rest.is_empty().then_some(civil)
    }
}

impl Part {
    fn is_narrow(&self) -> bool {
        matches!(
            self,
            Self::Month { least: 1 }
                | Self::Day { least: 1 }
                | Self::Hour { least: 1 }
                | Self::Minute { least: 1 }
                | Self::Second { least: 1 }
        )
    }
}

fn pattern_part(letter: char, width: usize) -> Option<Part> {
    let least = width;
    Some(match (letter, width) {
        ('y', 4) => Part::Year { signed: false },
        ('u', 4) => Part::Year { signed: true },
        ('M', 1 | 2) => Part::Month { least },
        ('d', 1 | 2) => Part::Day { least },
        ('H', 1 | 2) => Part::Hour { least },
        ('m', 1 | 2) => Part::Minute { least },
        ('s', 1 | 2) => Part::Second { least },
        ('S', 1..=9) => Part::Fraction(width),
        ('X', 1..=3) => Part::Offset,
        _ => return None,
    })
}
