//! Where the threads of a map live: in a scope, or outside any.

use std::panic::Location;

use crate::error::{Fallibility, JoinError};
use crate::scope::Scope;
use crate::task::Group;
use crate::thread::Builder;

/// The place where the threads of a map live: a [`Scope`], or [`Free`]. Sealed.
pub trait Home<'a>: Copy + Send + Sync + sealed::SealedHome + 'a {
    /// Starts one of the map's threads.
    ///
    /// # Errors
    /// The operating system refused the thread, or the scope is cancelled.
    #[doc(hidden)]
    fn start(
        self,
        builder: Builder,
        at: &'static Location<'static>,
        work: impl FnOnce() + Send + 'a,
    ) -> Result<(), JoinError>;

    /// Returns the group that waits for the map's threads at its end, and cancels the map if no task is left
    /// that can take its outcomes.
    #[doc(hidden)]
    fn owner(&self) -> Option<MapOwner<'_>>;
}

/// The group of a scope.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct MapOwner<'a>(pub(super) &'a Group);

impl std::fmt::Debug for MapOwner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Owner")
    }
}

/// The home of a map outside any scope, whose function and items borrow nothing.
#[derive(Clone, Copy, Debug)]
pub struct Free;

impl Home<'static> for Free {
    fn start(
        self,
        builder: Builder,
        at: &'static Location<'static>,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), JoinError> {
        let worker = builder.spawn_checked_at(at, work)?;
        worker.leave_to_owner();
        Ok(())
    }

    fn owner(&self) -> Option<MapOwner<'_>> {
        None
    }
}

impl<'scope, 'env, K> Home<'scope> for &'scope Scope<'scope, 'env, K>
where
    K: Fallibility<Error: Send> + 'scope,
{
    fn start(
        self,
        builder: Builder,
        at: &'static Location<'static>,
        work: impl FnOnce() + Send + 'scope,
    ) -> Result<(), JoinError> {
        match self.start_worker(builder, at, work).try_join() {
            Some(Err(error)) => Err(error.map_error(|_| unreachable!("a worker has no error"))),
            Some(Ok(())) | None => Ok(()),
        }
    }

    fn owner(&self) -> Option<MapOwner<'_>> {
        Some(MapOwner(self.group()))
    }
}

mod sealed {
    pub trait SealedHome {}
    impl SealedHome for super::Free {}
    impl<K: crate::error::Fallibility> SealedHome for &crate::scope::Scope<'_, '_, K> {}
}
