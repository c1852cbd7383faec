//! Answers come out as they went in, whoever is slow; memory and files stay within bounds.

use super::*;
use proptest::prelude::*;

fn bounded(memory: usize, spill: u64) -> (AnswerWriter, AnswerReader) {
    let config = Config {
        bulk_answers_bytes: memory,
        bulk_spill_limit_bytes: spill,
        ..Config::default()
    };
    answer_queue(&config, IntCounter::new("spilled", "bytes").unwrap())
}

fn record(n: u32) -> Vec<u8> {
    let mut record = n.to_be_bytes().to_vec();
    record.resize(40, 7);
    record
}

async fn rest(reader: &AnswerReader) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(block) = reader.next().await.unwrap() {
        all.extend(block);
    }
    all
}

#[tokio::test]
async fn order_is_kept_through_memory_and_file() {
    let (mut writer, reader) = bounded(20_000, 1 << 30);
    let mut expected = Vec::new();
    let mut got = Vec::new();
    for n in 0..20_000 {
        expected.extend(record(n));
        writer.push(&record(n)).await.unwrap();
        if n % 997 == 0 && n > 5_000 {
            got.extend(reader.next().await.unwrap().unwrap());
        }
    }
    assert!(writer.queue.state.lock().front_bytes <= 20_000);
    assert!(writer.queue.spilled.get() > 100_000);
    writer.end();
    got.extend(rest(&reader).await);
    assert_eq!(got, expected);
}

#[tokio::test]
async fn beyond_the_bound_it_says_so() {
    let (mut writer, _reader) = bounded(0, 100_000);
    let mut pushed = 0;
    let lost = loop {
        match writer.push(&record(pushed)).await {
            Ok(()) => pushed += 1,
            Err(lost) => break lost,
        }
    };
    assert!(matches!(lost, Lost::Full), "{lost}");
    assert!((2_000..3_000).contains(&pushed), "{pushed}");
}

#[tokio::test]
async fn a_writer_that_vanishes_breaks_the_stream_and_a_reader_that_does_stops_the_writer() {
    let (mut writer, reader) = bounded(1 << 20, 1 << 20);
    writer.push(b"one").await.unwrap();
    drop(writer);
    assert_eq!(reader.next().await.unwrap().unwrap(), b"one");
    assert!(reader.next().await.is_err());
    let (mut writer, reader) = bounded(1 << 20, 1 << 20);
    drop(reader);
    assert!(matches!(writer.push(b"one").await, Err(Lost::Gone)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Any turn-taking of writer and reader.
    #[test]
    fn any_interleaving_keeps_order(turns in prop::collection::vec((1usize..600, 0usize..4), 1..12), memory in prop_oneof![Just(0usize), Just(9_000), Just(1 << 20)]) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (got, expected) = runtime.block_on(async {
            let (mut writer, reader) = bounded(memory, 1 << 30);
            let (mut got, mut expected, mut n) = (Vec::new(), Vec::new(), 0);
            for (writes, reads) in turns {
                for _ in 0..writes {
                    expected.extend(record(n));
                    writer.push(&record(n)).await.unwrap();
                    n += 1;
                }
                for _ in 0..reads {
                    if got.len() < expected.len() {
                        got.extend(reader.next().await.unwrap().unwrap());
                    }
                }
            }
            writer.end();
            got.extend(rest(&reader).await);
            (got, expected)
        });
        prop_assert_eq!(got, expected);
    }
}
