//! The times that a scope's tasks have as their times of spawning: one reading of the clock serves a few tasks.

use super::piece::CoarseSpawnTime;

/// The most tasks that are recorded as spawned at the same time.
const SAME: u32 = 16;

/// The clock of a scope's queue.
#[derive(Default)]
pub(super) struct SpawnClock {
    /// The time of spawning to record, by the last reading of the clock.
    spawned: CoarseSpawnTime,
    /// The number of further tasks that may be recorded with that time.
    same: u32,
    /// The number of the watch's looks at the pool, at that reading.
    looks: u64,
}

impl SpawnClock {
    /// Returns the time of spawning of a task that is queued now. The clock is `read` once for at most
    /// [`SAME`] tasks, as long as between their spawns no thread has taken tasks, no joiner has begun one,
    /// and the [watch](super::watch) has not looked at the pool.
    ///
    /// A task is recorded as older than it is if its spawner has paused meanwhile: by less than the time
    /// between two looks, as a pool is watched while tasks are queued and no thread is free to take them. In
    /// a pool that is watched rarely, the clock is read for each task.
    #[inline]
    pub(super) fn now(
        &mut self,
        looks: Option<u64>,
        read: impl FnOnce() -> CoarseSpawnTime,
    ) -> CoarseSpawnTime {
        if self.same == 0 || looks.is_none_or(|looks| looks != self.looks) {
            self.looks = looks.unwrap_or_default();
            self.same = SAME;
            self.spawned = read();
        }
        self.same -= 1;
        self.spawned
    }

    /// Has the clock read for the next task, because a thread takes tasks or a joiner begins one.
    #[inline]
    pub(super) fn expire(&mut self) {
        self.same = 0;
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// Returns the times of spawning that are recorded if the clock ticks before each task.
    fn times(clock: &mut SpawnClock, count: u32, looks: Option<u64>) -> Vec<CoarseSpawnTime> {
        let now = clock.spawned.later(1);
        let spawned = (0..count).map(|passed| clock.now(looks, || now.later(passed)));
        spawned.collect()
    }

    #[test]
    fn the_clock_is_read_again_after_a_few_spawns() {
        let mut clock = SpawnClock::default();
        let spawned = times(&mut clock, 2 * SAME, Some(0));
        let (first, second) = spawned.split_at(SAME as usize);
        assert!(first.iter().all(|at| *at == first[0]));
        assert!(second.iter().all(|at| *at == first[0].later(SAME)));
    }
}
