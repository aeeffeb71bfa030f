//! Contenders in an iterator.
//~ does not consist of contenders
//~ or an array or a `Vec` of closures of one type; collect an iterator into a `Vec`

fn main() {
    let servers = ["a", "b"];
    let asking = servers.iter().map(|server| move || Ok::<_, String>(server.len()));
    #[cfg(not(mended))]
    let first = reunite::race(asking);
    #[cfg(mended)]
    let first = reunite::race(asking.collect::<Vec<_>>());
    drop(first);
}
