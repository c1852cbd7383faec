use super::leaf::IndexedLeaf;

#[test]
fn a_leaf_is_one_line_of_the_cache() {
    assert_eq!(size_of::<IndexedLeaf>(), 64);
    assert_eq!(size_of::<Option<IndexedLeaf>>(), 64);
}
