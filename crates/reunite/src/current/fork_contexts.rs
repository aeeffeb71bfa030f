//! The contexts in which the calling thread has made its private forks.

use super::current_context::{known_context, own_context};
use super::layers::{Layer, with_layers};
use super::pieces::ForkMark;
use super::task_record::Context;
use crate::primitive::Arc;

/// Returns the layer in which the oldest private fork of the thread was made.
fn layer_of_oldest_fork(layers: &[Layer]) -> usize {
    layers[1..].partition_point(|layer| layer.after.is_none())
}

/// Makes the contexts of the pieces in which the calling thread has made its oldest private forks, which are
/// given oldest first.
pub(crate) fn make_contexts(oldest_first: impl Iterator<Item = ForkMark>) {
    let made_in = with_layers(|layers| {
        let first = layer_of_oldest_fork(layers);
        let mut last = first;
        for fork in oldest_first {
            let is_after = |layer: &&Layer| layer.after.is(fork);
            last += layers[last + 1..].iter().take_while(is_after).count();
        }
        first..=last
    });
    for at in made_in {
        own_context(|_| at);
    }
}

/// Calls `each` with the context in which the calling thread made each of these forks, which are private no
/// more. They were its oldest, and are given oldest first. The context of a fork made in a piece of a pool's
/// work is that of the piece, if [it was made](make_contexts). `each` must not enter a context.
pub(crate) fn publish_forks<F>(
    oldest_first: impl Iterator<Item = (ForkMark, F)>,
    mut each: impl FnMut(F, &Arc<Context>),
) {
    with_layers(|layers| {
        let mut at = layer_of_oldest_fork(layers);
        let mut context = known_context(layers, at);
        for (mark, fork) in oldest_first {
            each(fork, &context);
            // The layers entered after this fork was made hold the newer ones.
            let after = layers[at + 1..].iter();
            let entered = after.take_while(|layer| layer.after.forget(mark)).count();
            if entered > 0 {
                at += entered;
                context = known_context(layers, at);
            }
        }
    });
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::current::layers::push;

    /// Publishes forks, oldest first; returns in which of the contexts each was made.
    fn publish(forks: &[ForkMark], contexts: &[Arc<Context>]) -> Vec<Option<usize>> {
        let mut made_in = Vec::new();
        publish_forks(forks.iter().map(|fork| (*fork, ())), |(), made| {
            let mut contexts = contexts.iter();
            made_in.push(contexts.position(|context| Arc::ptr_eq(context, made)));
        });
        made_in
    }

    #[test]
    fn forks_are_published_in_the_contexts_they_were_made_in_a_few_at_a_time() {
        let _own = with_layers(<[Layer]>::len);
        let contexts: Vec<_> = (0..5).map(|_| Arc::new(Context::foreign())).collect();
        let after = [0, 10, 10, 30, 50];
        let entered = contexts.iter().zip(after);
        let entered: Vec<_> = entered
            .map(|(context, after)| push(Layer::of(Arc::clone(context), after)))
            .collect();
        assert_eq!(publish(&[10], &contexts), [Some(0)]);
        assert_eq!(publish(&[], &contexts), []);
        assert_eq!(publish(&[20, 30], &contexts), [Some(2); 2]);
        assert_eq!(publish(&[40], &contexts), [Some(3)]);
        assert_eq!(publish(&[50, 60], &contexts), [Some(3), Some(4)]);
        for entered in entered.into_iter().rev() {
            drop(entered);
        }
    }
}
