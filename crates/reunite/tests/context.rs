//! What a parent has reaches its children, unless they are told to go without.

use std::any::Any;
use std::cell::Cell;

thread_local! {
    static REQUEST: Cell<u64> = const { Cell::new(0) };
}

struct Request;

struct Back(u64);

impl Drop for Back {
    fn drop(&mut self) {
        REQUEST.set(self.0);
    }
}

impl reunite::Inherit for Request {
    fn capture(&self) -> Box<dyn FnOnce() -> Box<dyn Any> + Send> {
        let id = REQUEST.get();
        Box::new(move || Box::new(Back(REQUEST.replace(id))))
    }
}

#[test]
fn a_value_of_the_parent_reaches_its_children_and_stays_with_them() {
    reunite::inherit(Request);
    for request in 1..50 {
        REQUEST.set(request);
        let inherited = reunite::scope(|s| {
            let grandchild = s.spawn(|| reunite::spawn(|| REQUEST.get()).join().unwrap());
            grandchild.join().unwrap()
        });
        assert_eq!(inherited, request);
        let without = reunite::Builder::new().without_context();
        assert_eq!(without.spawn(|| REQUEST.get()).join().unwrap(), 0);
    }
}

#[cfg(feature = "tracing")]
#[test]
fn a_task_has_a_span_of_its_own_within_that_of_its_spawner() {
    use tracing_subscriber::registry::{LookupSpan, Registry};

    /// The current span and those around it.
    fn spans() -> Vec<&'static str> {
        let names = tracing::Span::current().with_subscriber(|(id, subscriber)| {
            let registry = subscriber.downcast_ref::<Registry>().unwrap();
            let span = registry.span(id).unwrap();
            span.scope().map(|span| span.name()).collect()
        });
        names.unwrap_or_default()
    }
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    let span = tracing::info_span!("request");
    let entered = span.enter();
    assert_eq!(reunite::spawn(spans).join().unwrap(), ["task", "request"]);
    let inner = || reunite::scope(|s| s.spawn(spans).join().unwrap());
    assert_eq!(
        reunite::spawn(inner).join().unwrap(),
        ["task", "task", "request"]
    );
    let without = reunite::Builder::new().without_context();
    assert!(without.spawn(spans).join().unwrap().is_empty());
    drop(entered);
    assert_eq!(reunite::spawn(spans).join().unwrap(), ["task"]);
}
