-- One crawl in one file. Times are milliseconds since 1970, durations microseconds.

CREATE TABLE meta (
    key    TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) WITHOUT ROWID;

-- One row per scheme, host and port, for which a robots.txt applies.
CREATE TABLE hosts (
    id           INTEGER PRIMARY KEY,
    origin       TEXT NOT NULL UNIQUE,
    left         INTEGER NOT NULL DEFAULT 0,  -- number of its addresses that are still to be fetched
    robots       BLOB,                        -- its robots.txt, if it has one
    robots_said  TEXT                         -- 'rules', 'none', or why it could not be fetched
);
CREATE INDEX hosts_left ON hosts (id) WHERE left > 0;

-- One row per address that was ever seen.
CREATE TABLE urls (
    id      INTEGER PRIMARY KEY,
    url     TEXT NOT NULL UNIQUE,
    host    INTEGER NOT NULL REFERENCES hosts,
    state   INTEGER NOT NULL,            -- 0 queued, 1 to be tried again, 2 done: has a page, 3 skipped
    role    INTEGER NOT NULL,            -- 0 page, 1 sitemap, 2 external: only checked
    depth   INTEGER NOT NULL,            -- smallest number of clicks from a seed
    hops    INTEGER NOT NULL,            -- redirects in a row that led here
    tries   INTEGER NOT NULL DEFAULT 0,
    due     INTEGER,                     -- when to try again
    reason  TEXT                         -- why it was skipped
);
CREATE INDEX urls_queued ON urls (host, id) WHERE state = 0;
CREATE INDEX urls_again ON urls (host, due) WHERE state = 1;

-- One row per distinct body, whatever the number of pages that have it.
CREATE TABLE bodies (
    id    INTEGER PRIMARY KEY,
    hash  BLOB NOT NULL UNIQUE,          -- SHA-256 of the decoded bytes
    size  INTEGER NOT NULL,              -- of the decoded bytes
    zstd  INTEGER NOT NULL,              -- whether data is compressed
    data  BLOB NOT NULL
);

-- One row per address that was fetched: the answer, or the failure.
CREATE TABLE pages (
    id          INTEGER PRIMARY KEY REFERENCES urls,
    method      TEXT NOT NULL,
    began       INTEGER NOT NULL,
    wait        INTEGER,                 -- duration until the headers had arrived
    total       INTEGER NOT NULL,
    failure     TEXT,                    -- kind of failure, or null
    message     TEXT,                    -- the failure as a message for people
    status      INTEGER,
    version     TEXT,
    headers     TEXT,                    -- JSON: [[name, value], …] in the order received
    media       TEXT,
    charset     TEXT,
    wire        INTEGER,                 -- bytes of the body as received, before decoding
    body        INTEGER REFERENCES bodies,
    title       TEXT,
    canonical   TEXT,
    redirect    INTEGER REFERENCES urls,
    nofollow    INTEGER,
    noindex     INTEGER,
    broken      TEXT,                    -- JSON: links that are not valid addresses
    links_cut   INTEGER                  -- links left out because there were too many
);
CREATE INDEX pages_body ON pages (body);

CREATE TABLE links (
    source    INTEGER NOT NULL REFERENCES urls,
    target    INTEGER NOT NULL REFERENCES urls,
    kind      TEXT NOT NULL,             -- the element, or canonical, refresh, redirect, sitemap, next
    fragment  TEXT NOT NULL,             -- the part after #, or the empty text
    nofollow  INTEGER NOT NULL,
    PRIMARY KEY (source, target, kind, fragment)
) WITHOUT ROWID;
CREATE INDEX links_target ON links (target, source);

-- Numbers of addresses that differ only in the values of their query parameters.
CREATE TABLE shapes (
    shape  TEXT PRIMARY KEY,
    count  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE VIEW referrers AS
    SELECT target.url AS url, source.url AS referrer, links.kind, links.fragment
    FROM links JOIN urls AS target ON target.id = links.target
               JOIN urls AS source ON source.id = links.source;
