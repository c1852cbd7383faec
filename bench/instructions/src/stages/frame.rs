//! A message of 1 KiB on a WebSocket, in and out.

use instruction_counts::{CountedStage, workload};
use std::hint::black_box;
use websocket::{TextFrame, decode::FrameDecoder};

pub const ENCODE: CountedStage = CountedStage {
    name: "frame-out",
    about: "a text of 1 KiB to a frame",
    events: 5_000,
    run: encode,
};

pub const DECODE: CountedStage = CountedStage {
    name: "frame-in",
    about: "a masked frame of 1 KiB to its text",
    events: 5_000,
    run: decode,
};

fn encode(events: u64) {
    let text = workload::request(0);
    for _ in 0..events {
        drop(black_box(
            TextFrame::from_bytes(black_box(text.as_bytes())).bytes(false),
        ));
    }
}

fn decode(events: u64) {
    let text = workload::request(0);
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend_from_slice(&(text.len() as u16).to_be_bytes());
    frame.extend_from_slice(&mask);
    let masked = text.bytes().zip(mask.iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    let mut decoder = FrameDecoder::new(1 << 20, false);
    for _ in 0..events {
        let mut input = black_box(frame.as_slice());
        let message = decoder.next(&mut input).expect("the frame is sound");
        assert!(black_box(message).is_some());
    }
}
