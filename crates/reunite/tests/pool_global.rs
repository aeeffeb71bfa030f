//! The global pool of a program that chooses its settings. One test, as a process has one global pool.

use std::io::ErrorKind;

use reunite::{Pool, current_num_threads};

#[test]
fn the_global_pool_is_made_once_with_the_settings_of_the_program() {
    let invalid = Pool::builder().name("a\0b").build_global().unwrap_err();
    assert_eq!(invalid.kind(), ErrorKind::InvalidInput);
    let too_large = Pool::builder().threads(1_025).build_global().unwrap_err();
    assert_eq!(too_large.kind(), ErrorKind::InvalidInput);
    let pool = Pool::builder()
        .threads(3)
        .name("mine")
        .build_global()
        .unwrap();
    assert_eq!(
        (
            pool.threads(),
            Pool::global().threads(),
            current_num_threads()
        ),
        (3, 3, 3)
    );
    assert!(std::ptr::eq(pool, Pool::global()));
    let name = Pool::global().install(|| std::thread::current().name().map(str::to_owned));
    assert_eq!(name.as_deref(), Some("mine"));
    let other = Pool::builder().threads(2).build().unwrap();
    assert_eq!(other.enter(current_num_threads), 2);
    assert_eq!(other.install(current_num_threads), 2);
    assert_eq!(other.enter(|| pool.enter(current_num_threads)), 3);
    let late = Pool::builder().threads(5).build_global().unwrap_err();
    assert_eq!(late.kind(), ErrorKind::AlreadyExists);
    assert!(late.to_string().contains("tests/pool_global.rs:"), "{late}");
    assert_eq!(current_num_threads(), 3);
}
