//! A closure where an observer is needed.
//~ is not an observer
//~ implement `Observer` for a type of yours

#[cfg(mended)]
struct Print;

#[cfg(mended)]
impl reunite::Observer for Print {
    fn on_event(&self, event: &reunite::Event<'_>) {
        println!("{event:?}");
    }
}

fn main() {
    #[cfg(not(mended))]
    let observing = reunite::observe(|event: &reunite::Event<'_>| println!("{event:?}"));
    #[cfg(mended)]
    let observing = reunite::observe(Print);
    drop(observing);
}
