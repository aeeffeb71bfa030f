//! Converts arguments to the settings of a crawl.

use reunite_crawl::address::{CrawlScope, ScopeError, ScopeRules};
use reunite_crawl::fetch::AgentSettings;
use reunite_crawl::{Follow, Limits, Pace, Settings};

use super::args::Run;

/// Returns the settings. Refuses invalid ones before a file is created.
pub(super) fn settings(args: &Run) -> Result<Settings, ScopeError> {
    let settings = convert(args);
    CrawlScope::new(&settings.scope)?;
    Ok(settings)
}

fn convert(args: &Run) -> Settings {
    let (scope, pace, limits, agent) = (&args.scope, &args.pace, &args.limits, &args.agent);
    let default = AgentSettings::default();
    Settings {
        scope: ScopeRules {
            seeds: args.seeds.clone(),
            hosts: scope.hosts.clone(),
            subdomains: scope.subdomains,
            below: scope.below,
            include: scope.include.clone(),
            exclude: scope.exclude.clone(),
        },
        follow: Follow {
            parts: !scope.no_parts,
            nofollow: scope.follow_nofollow,
            forbidden: scope.ignore_robots,
            sitemaps: !scope.no_sitemaps,
            sessions: scope.keep_session_ids,
            max_variants: scope.max_variants,
            max_redirects: scope.max_redirects,
        },
        limits: Limits {
            pages: limits.max_pages.unwrap_or(u64::MAX),
            depth: limits.depth,
            bytes: limits.max_bytes.unwrap_or(u64::MAX),
            drain: limits.drain,
        },
        pace: Pace {
            threads: pace.threads.into(),
            per_host: pace.per_host.into(),
            delay: pace.delay,
            retries: pace.retries,
            longest_wait: pace.max_wait,
            ..Pace::default()
        },
        agent: AgentSettings {
            user_agent: agent.user_agent.clone().unwrap_or(default.user_agent),
            cookies: agent.cookies,
            timeout: agent.page_timeout,
            max_size: agent.max_size,
            ..default
        },
        check: args.check,
    }
}
