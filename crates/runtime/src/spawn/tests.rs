use super::run_named;

#[test]
fn a_task_is_held_once() {
    let task = async {
        let held = [0_u8; 4096];
        tokio::task::yield_now().await;
        std::hint::black_box(held);
    };
    let bare = size_of_val(&task);
    let watched = size_of_val(&run_named("sized", task));
    assert!(watched < bare + 256, "{watched} bytes for {bare}");
}
