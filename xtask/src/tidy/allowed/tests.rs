use std::{collections::BTreeMap, fs};

use super::{Tolerated, record};

fn tolerated(circles: &[(&str, &str)], shared: usize, crowded: &[(&str, usize)]) -> Tolerated {
    let circle = |(krate, modules): &(&str, &str)| {
        let modules = modules.split(' ').map(str::to_owned).collect();
        ((*krate).to_owned(), modules)
    };
    Tolerated {
        circles: circles.iter().map(circle).collect(),
        shared,
        crowded: crowded.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect(),
    }
}

fn against(found: &Tolerated, listed: &Tolerated) -> (Vec<String>, Vec<String>) {
    let difference = found.against(listed, &BTreeMap::new(), &BTreeMap::new());
    let first = |lines: Vec<String>| {
        let first = |line: String| line.lines().next().unwrap_or_default().to_owned();
        lines.into_iter().map(first).collect()
    };
    (first(difference.worse), first(difference.better))
}

#[test]
fn what_grows_is_worse_and_what_shrinks_must_be_written_down() {
    let listed = tolerated(
        &[("a", "x y z"), ("b", "p q")],
        40,
        &[("Place", 4), ("State", 3)],
    );
    assert_eq!(against(&listed, &listed), (vec![], vec![]));

    let grown = tolerated(
        &[("a", "w x y z"), ("b", "p q"), ("c", "p q")],
        41,
        &[("Place", 5), ("State", 3), ("Told", 3)],
    );
    let (worse, better) = against(&grown, &listed);
    let wanted = [
        "a: these modules use each other: w x y z",
        "c: these modules use each other: p q",
        "41 types share their name with another; listed: 40",
        "5 types are called Place; listed: 4 ()",
        "3 types are called Told; listed: 0 ()",
    ];
    assert_eq!((worse, better.len()), (wanted.map(str::to_owned).into(), 0));

    let shrunk = tolerated(&[("a", "x y")], 30, &[("Place", 3)]);
    let (worse, better) = against(&shrunk, &listed);
    let wanted = [
        "a: the circle is smaller now: x y",
        "b: no circle any more: p q",
        "30 types share their name with another; listed: 40",
        "3 types are called Place; listed: 4 ()",
        "0 types are called State; listed: 3 ()",
    ];
    assert_eq!((worse.len(), better), (0, wanted.map(str::to_owned).into()));
}

#[test]
fn only_what_shrank_is_recorded_and_it_is_read_back() {
    let root = tempfile::tempdir().expect("folder");
    fs::create_dir_all(root.path().join("xtask/allowed")).expect("folder");
    let listed = tolerated(&[("a", "x y z")], 40, &[("Place", 4)]);
    listed.write(root.path()).expect("written");
    assert_eq!(Tolerated::listed(root.path()).expect("read"), listed);

    let none = (BTreeMap::new(), BTreeMap::new());
    let grown = tolerated(&[("a", "x y z")], 40, &[("Place", 5)]);
    let difference = grown.against(&listed, &none.0, &none.1);
    assert!(record(root.path(), &grown, &difference).is_err());
    let shrunk = tolerated(&[], 20, &[]);
    let difference = shrunk.against(&listed, &none.0, &none.1);
    record(root.path(), &shrunk, &difference).expect("recorded");
    assert_eq!(Tolerated::listed(root.path()).expect("read"), shrunk);
}
