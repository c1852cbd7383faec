//! Every route on one page, by family: how it is described, what a caller must be allowed to do,
//! and what serves it. The router and the OpenAPI document are both made from this table, so neither
//! can forget one.

use crate::{
    access::{PlaceRule, Right},
    app::Shared,
    route_doc::{self as doc, Doc},
    routes::{
        about, audits, catalog, collections, dead_letters, documents, floods, markers, operations,
        replays, requests, security, tables, uploads,
    },
};
use axum::routing::{MethodRouter, delete, get, post, put};
use http::Method;

/// One route.
pub(crate) struct RoutedEndpoint {
    pub method: Method,
    pub path: &'static str,
    pub doc: &'static Doc,
    /// What a caller must be allowed to do.
    pub right: Right,
    /// `None`: served by the routes that all services share.
    pub serve: Option<MethodRouter<Shared>>,
}

/// A right to what names no place.
const fn nowhere(controller: &'static str, action: &'static str) -> Right {
    Right::new(controller, action, PlaceRule::Nowhere)
}

/// A right to what cannot be told to be within a restriction.
const fn everywhere(controller: &'static str, action: &'static str) -> Right {
    Right::new(controller, action, PlaceRule::Everywhere)
}

/// A right to the collection that the path names.
const fn of_path(controller: &'static str, action: &'static str) -> Right {
    Right::new(controller, action, PlaceRule::Path)
}

pub(super) const METRICS: Right = everywhere("server", "metrics");

/// Who may log out may do so from afar.
const OF_OWN_SESSIONS: Right = nowhere("auth", "logout");

macro_rules! families {
    ($($family:ident { $($method:ident $path:literal $doc:ident $right:expr, $handler:expr;)* })*) => {
        $(
            fn $family() -> Vec<RoutedEndpoint> {
                vec![$(RoutedEndpoint {
                    method: Method::$method,
                    path: $path,
                    doc: &doc::$doc,
                    right: $right,
                    serve: Some(families!(@$method $handler)),
                }),*]
            }
        )*

        /// The table.
        pub(crate) fn routed_endpoints() -> Vec<RoutedEndpoint> {
            [$($family(),)* shared_routes()].into_iter().flatten().collect()
        }
    };
    (@GET $handler:expr) => { get($handler) };
    (@POST $handler:expr) => { post($handler) };
    (@PUT $handler:expr) => { put($handler) };
    (@DELETE $handler:expr) => { delete($handler) };
}

families! {
    operation_routes {
        GET "/v1/operations" OPERATIONS nowhere("server", "openapi"), operations::list::list;
        POST "/v1/operations/{operation}" WRITE Right::OPERATION, operations::write::write;
        POST "/v1/operations/{operation}/_bulk" BULK Right::OPERATION, operations::bulk::bulk;
    }
    request_routes {
        GET "/v1/requests/{id}" REQUEST nowhere("request", "get"), requests::show::show;
        GET "/v1/requests/{id}/explain" EXPLAIN everywhere("request", "explain"), requests::explain::explain;
    }
    collection_routes {
        GET "/v1/collections" COLLECTIONS nowhere("collection", "list"), collections::list::list;
        PUT "/v1/collections/{index}/{collection}" CREATE_COLLECTION of_path("collection", "create"), collections::create::create;
    }
    document_routes {
        GET "/v1/documents/{index}/{collection}/{id}" DOCUMENT of_path("document", "get"), documents::get::get;
        GET "/v1/documents/{index}/{collection}/{id}/_history" HISTORY of_path("document", "history"), documents::history::history;
        POST "/v1/documents/{index}/{collection}/_mget" MGET of_path("document", "mGet"), documents::mget::mget;
        POST "/v1/documents/{index}/{collection}/_ids" IDS of_path("document", "search"), documents::ids::ids;
        POST "/v1/documents/{index}/{collection}/_compare" COMPARE of_path("document", "search"), documents::compare::compare;
        POST "/v1/documents/{index}/{collection}/_count" COUNT of_path("document", "count"), documents::count::count;
        POST "/v1/documents/{index}/{collection}/_search" SEARCH of_path("document", "search"), documents::search::search;
    }
    table_routes {
        GET "/v1/tables/{table}/{*key}" ROW everywhere("table", "get"), tables::get::get;
    }
    audit_routes {
        POST "/v1/audits" BEGIN_AUDIT everywhere("audit", "begin"), audits::begin::begin;
        GET "/v1/audits/{id}" AUDIT everywhere("audit", "get"), audits::show::show;
        POST "/v1/audits/{id}/repair" REPAIR everywhere("audit", "repair"), audits::repair::repair;
    }
    catalog_routes {
        POST "/v1/catalog/reload" RELOAD_CATALOG everywhere("catalog", "reload"), catalog::reload::reload;
    }
    dead_letter_routes {
        GET "/v1/dead-letters" DEAD_LETTERS everywhere("deadLetter", "list"), dead_letters::list::list;
        GET "/v1/dead-letters/{request_id}" DEAD_LETTER everywhere("deadLetter", "get"), dead_letters::show::show;
    }
    security_routes {
        GET "/v1/security/explain" EXPLAIN_RIGHT everywhere("security", "explain"), security::explain::explain;
        GET "/v1/security/log" SECURITY_LOG everywhere("security", "log"), security::log::log;
        GET "/v1/security/log/verify" VERIFY_SECURITY_LOG everywhere("security", "log"), security::log::verify;
        GET "/v1/security/sessions" OWN_SESSIONS OF_OWN_SESSIONS, security::sessions::list;
        DELETE "/v1/security/sessions/{id}" END_OWN_SESSION OF_OWN_SESSIONS, security::sessions::end;
    }
    flood_routes {
        GET "/v1/floods" FLOODS everywhere("deadLetter", "floods"), floods::list::list;
        POST "/v1/floods/_pass" PASS_FLOOD everywhere("deadLetter", "pass"), floods::pass::pass;
    }
    marker_routes {
        POST "/v1/markers/_purge" PURGE_MARKERS everywhere("marker", "purge"), markers::purge::purge;
    }
    replay_routes {
        POST "/v1/replays" CREATE_REPLAY everywhere("replay", "create"), replays::create::create;
        GET "/v1/replays" REPLAYS everywhere("replay", "list"), replays::list::list;
        GET "/v1/replays/{id}" REPLAY everywhere("replay", "get"), replays::show::show;
        POST "/v1/replays/{id}/_pause" PAUSE_REPLAY everywhere("replay", "pause"), replays::control::pause;
        POST "/v1/replays/{id}/_resume" RESUME_REPLAY everywhere("replay", "resume"), replays::control::resume;
        POST "/v1/replays/{id}/_cancel" CANCEL_REPLAY everywhere("replay", "cancel"), replays::control::cancel;
    }
    upload_routes {
        GET "/v1/upload/status/{process}" UPLOAD_STATUS nowhere("upload", "get"), uploads::status::show;
        GET "/v1/upload/results/{process}" UPLOAD_RESULTS nowhere("upload", "results"), uploads::status::results;
    }
    about_routes {
        GET "/v1/status" STATUS everywhere("server", "status"), about::status::status;
        GET "/openapi.json" OPENAPI nowhere("server", "openapi"), about::openapi::openapi;
        GET "/docs" DOCS nowhere("server", "openapi"), about::docs::docs;
        GET "/docs/errors/{code}" ERROR_PAGE Right::PUBLIC, about::docs::error;
    }
}

fn shared_routes() -> Vec<RoutedEndpoint> {
    let row = |path, doc, right| RoutedEndpoint {
        method: Method::GET,
        path,
        doc,
        right,
        serve: None,
    };
    vec![
        row("/healthz", &doc::HEALTHZ, Right::PUBLIC),
        row("/readyz", &doc::READYZ, Right::PUBLIC),
        row("/metrics", &doc::METRICS, METRICS),
    ]
}
