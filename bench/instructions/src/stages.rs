//! All stages that are functions, in the order in which an event meets them.

mod codec;
mod frame;
mod matching;
mod plan;
mod request;

use instruction_counts::CountedStage;

pub static ALL: &[CountedStage] = &[
    request::SCAN,
    request::VALIDATE,
    codec::ENCODE,
    codec::DECODE,
    plan::PLAN,
    plan::FOLD_EFFECTS,
    matching::MATCH,
    frame::ENCODE,
    frame::DECODE,
];
