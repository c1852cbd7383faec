//! A bar of something that is between nothing and all, on a terminal. Never in the way of a result.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

const TEMPLATE: &str = "{bar:32} {percent:>3}%  {msg}";
const STEPS: u64 = 10_000;

pub struct FractionBar(ProgressBar);

impl FractionBar {
    pub fn new(json: bool) -> Self {
        let target = if std::io::stderr().is_terminal() && !json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// `done`: 0 to 1.
    pub fn set(&self, done: f64, text: String) {
        self.0.set_position((done * STEPS as f64) as u64);
        self.0.set_message(text);
    }

    /// Something beside the bar.
    pub fn note(&self, text: &str) {
        self.0.println(text);
    }

    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
