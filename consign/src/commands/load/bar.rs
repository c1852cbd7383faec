//! Progress on a terminal; elsewhere a line now and then. Never in the way of a result.

use super::summary::Summary;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{IsTerminal, Write},
    time::Duration,
};
use tokio::time::Instant;

const TEMPLATE: &str = "{bar:32} {percent:>3}%  {msg}  ETA {eta}";
const LINE_EVERY: Duration = Duration::from_secs(10);

pub struct Bar {
    bar: ProgressBar,
    size: u64,
    /// Where there is no terminal: when a line was last printed. `None`: nothing is printed.
    told: Option<Instant>,
    waiting: bool,
}

impl Bar {
    pub fn new(size: u64, json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && !json;
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(size), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self {
            bar,
            size,
            told: (!terminal && !json).then(Instant::now),
            waiting: false,
        }
    }

    pub fn at(&mut self, position: u64, summary: &Summary) {
        self.bar.set_position(position.min(self.size));
        let message = format!(
            "{} accepted, {} refused, {:.0}/s",
            summary.accepted, summary.refused, summary.lines_per_second
        );
        if self.told.is_some_and(|told| told.elapsed() > LINE_EVERY) {
            self.line(&format!(
                "{:>3}%  {message}",
                position * 100 / self.size.max(1)
            ));
        }
        self.bar.set_message(message);
    }

    /// The gateway does not take it now.
    pub fn waits(&mut self, why: &str) {
        if !self.waiting {
            self.bar.println(format!("waiting: {why}"));
            if self.told.is_some() {
                self.line(&format!("waiting: {why}"));
            }
        }
        self.waiting = true;
    }

    pub fn well(&mut self) {
        self.waiting = false;
    }

    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&mut self, text: &str) {
        self.told = Some(Instant::now());
        _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}
