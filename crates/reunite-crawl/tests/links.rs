//! The links found in one pass over the tags are those of the tree that a browser builds.

use std::collections::BTreeSet;

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use reunite_crawl::address::{SessionIds, Target, normal};
use reunite_crawl::html::{extract, sheet};
use url::Url;

const BASE: &str = "http://h.test/d/p";

/// Returns the links and the title in the tree of html5ever.
fn by_tree(page: &str) -> (BTreeSet<String>, Option<String>) {
    let mut options = ParseOpts::default();
    options.tree_builder.scripting_enabled = false;
    let dom = parse_document(RcDom::default(), options).one(page);
    let mut found = Tree::default();
    found.walk(&dom.document, false);
    let own = Url::parse(BASE).expect("an address");
    let base = found
        .base
        .and_then(|href| own.join(&href).ok())
        .unwrap_or(own);
    let links = found
        .links
        .iter()
        .filter_map(|href| match normal(&base, href, SessionIds::Keep) {
            Target::Page { url, .. } => Some(url.to_string()),
            _ => None,
        });
    let title = found
        .title
        .map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
    (links.collect(), title)
}

#[derive(Default)]
struct Tree {
    base: Option<String>,
    title: Option<String>,
    links: Vec<String>,
}

impl Tree {
    fn walk(&mut self, node: &Handle, in_drawing: bool) {
        let mut in_drawing = in_drawing;
        if let NodeData::Element {
            name,
            attrs,
            template_contents,
            ..
        } = &node.data
        {
            let attrs = attrs.borrow();
            let get = |wanted: &str| {
                let found = attrs.iter().find(|attr| &*attr.name.local == wanted);
                found.map(|attr| attr.value.to_string())
            };
            self.links
                .extend(get("style").iter().flat_map(|style| sheet(style)));
            let attribute = match &*name.local {
                "svg" => {
                    in_drawing = true;
                    None
                }
                "a" | "area" | "link" => get("href"),
                "base" => {
                    if self.base.is_none() {
                        self.base = get("href");
                    }
                    None
                }
                "img" | "script" | "iframe" | "frame" | "embed" | "source" | "audio" | "video"
                | "track" => get("src"),
                "object" => get("data"),
                "title" if !in_drawing && self.title.is_none() => {
                    let mut text = String::new();
                    for child in node.children.borrow().iter() {
                        if let NodeData::Text { contents } = &child.data {
                            text.push_str(&contents.borrow());
                        }
                    }
                    self.title = Some(text);
                    None
                }
                "style" => {
                    for child in node.children.borrow().iter() {
                        if let NodeData::Text { contents } = &child.data {
                            self.links.extend(sheet(&contents.borrow()));
                        }
                    }
                    None
                }
                _ => None,
            };
            self.links.extend(attribute);
            if let Some(contents) = &*template_contents.borrow() {
                self.walk(contents, in_drawing);
            }
        }
        for child in node.children.borrow().iter() {
            self.walk(child, in_drawing);
        }
    }
}

fn compare(page: &str) {
    let (links, title) = by_tree(page);
    let found = extract(
        page,
        &Url::parse(BASE).expect("an address"),
        SessionIds::Keep,
    );
    let ours: BTreeSet<String> = found
        .links
        .iter()
        .map(|link| link.url.to_string())
        .collect();
    assert_eq!(ours, links, "{page}");
    assert_eq!(found.title, title, "{page}");
}

#[test]
fn ordinary_pages_have_the_same_links() {
    for page in [
        "<a href=x>",
        "<A HREF = 'x y' >",
        "<a href=\"a&amp;b&lt;c&#x2f;d&#47;e&copy;f&notit;g&amp=h&ampi\">",
        "<a href='?a=1&copy=2&lt=3&reg;=4'>",
        "<a href=x href=y>",
        "<a/href=x>",
        "<a href=x/>",
        "<a\nhref\n=\nx\n>",
        "<a title='>' href=x>",
        "<a href=\"unterminated",
        "<a href=x <a href=y>",
        "<!-- <a href=x> --><a href=y>",
        "<!--><a href=x>-->",
        "<!-- a --!><a href=x>",
        "<script>'<a href=x>'</script><a href=y>",
        "<script><!-- <script> </script> <a href=x> --></script><a href=y>",
        "<style><a href=x></style><a href=y>",
        "<style>@import 'x'; a{b:url(y)}<!-- </style><i style='c:url(z&amp;1)'>",
        "<textarea><a href=x></textarea><a href=y>",
        "<title><a href=x></title><a href=y>",
        "<noscript><a href=x></noscript><a href=y>",
        "<iframe src=f><a href=x></iframe>",
        "<template><a href=x></template>",
        "<xmp><a href=x></xmp><a href=y>",
        "<plaintext><a href=x>",
        "<svg><a href=x></a><title>no</title></svg><title>yes</title>",
        "<svg><![CDATA[<a href=x>]]></svg><a href=y>",
        "<![CDATA[<a href=x>]]>",
        "<?php <a href=x> ?>",
        "<base href=/b/><a href=x><base href=/c/>",
        "<a href>x</a><a>y</a><a href=''>z</a>",
        "<table><a href=x><tr><td><a href=y>",
        "<form><form><a href=x></form>",
        "<p><a href=x><a href=y>",
        "<img src=a><image src=b><object data=c><embed src=d><link href=e>",
        "<video src=a><source src=b><track src=c></video><audio src=d>",
        "<map><area href=x></map>",
        "<html><head></head><frameset><frame src=y></frameset>",
        "<a href='http://other.test/'><a href='//o.test'><a href='mailto:x'><a href=javascript:x>",
        "<a href='\u{1f600}'><a href='a\u{0}b'><a href='a\r\nb'>",
        "<title>a &amp; b &notit; c</title>",
        "<title></title><title>x</title>",
        "\u{feff}<a href=x>",
        "</a href=x><a href=y>",
        "<a href=x></p></br><a href=y>",
        "<math><a href=x></math>",
        "<select><option><a href=x></select>",
    ] {
        compare(page);
    }
}

#[test]
fn pages_made_of_fragments_of_markup_have_the_same_links() {
    const SHARDS: &[&str] = &[
        "<a href=x1>",
        "<a href='x2'>",
        "<a href=\"x&amp;3\">",
        "</a>",
        "<p>",
        "</p>",
        "<div>",
        "</div>",
        "text ",
        "&amp;",
        "<!-- ",
        " -->",
        "<img src=i4>",
        "<b>",
        "</b>",
        "<ul><li>",
        "</ul>",
        "<br/>",
        "<script>",
        "</script>",
        "<style>",
        "</style>",
        "a{b:url(s7)}",
        "<b style='c:url(s8)'>",
        "\"",
        "'",
        ">",
        "<",
        "=",
        "<table>",
        "<td>",
        "</table>",
        "<link href=l5>",
        "<iframe src=f6></iframe>",
        "<title>",
        "</title>",
        "<h1>",
        "</h1>",
    ];
    let mut state = 42u64;
    let mut draw = |end: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    };
    for _ in 0..3000 {
        let length = 1 + draw(12);
        let page: String = (0..length).map(|_| SHARDS[draw(SHARDS.len())]).collect();
        compare(&page);
    }
}

#[test]
fn the_pages_of_the_loopback_site_have_the_same_links() {
    let (site, server) = common::site(200, 1, 3, (0, 0));
    let _kept = server;
    let place = common::Place::new();
    place.crawl(&common::settings(&site.root()));
    let db = place.db();
    let mut query = db
        .prepare("SELECT data, zstd, size FROM bodies JOIN pages ON body = bodies.id WHERE charset = 'UTF-8'")
        .expect("a query");
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    for row in rows.expect("rows") {
        let (data, packed, size): (Vec<u8>, bool, u32) = row.expect("a body");
        let bytes = if packed {
            zstd::bulk::decompress(&data, size as usize).expect("a body")
        } else {
            data
        };
        compare(&String::from_utf8(bytes).expect("UTF-8"));
    }
}

mod common;
