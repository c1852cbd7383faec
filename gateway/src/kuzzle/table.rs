//! Every action on one page: what carries it out and its HTTP routes. Dispatch, routes, `GET
//! /_publicApi` and `server:info` are made from this table, and `docs/kuzzle.md` is held against
//! it.

use super::{
    Call, Fault, Reply, auth, bulk, collection, document, index, realtime, server, subscribe,
    validate,
};
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};

pub(crate) type Run = for<'a> fn(Call<'a>) -> BoxFuture<'a, Result<Reply, Fault>>;

/// One action.
pub(crate) struct Action {
    pub controller: &'static str,
    pub name: &'static str,
    pub run: Run,
    /// Does it hand something to the log? What does not ends its request's turn at once.
    pub writes: bool,
    /// Verb and path; `:name` is a variable.
    pub http: &'static [(&'static str, &'static str)],
}

macro_rules! actions {
    ($($controller:ident { $($name:ident => $run:expr, $($kind:ident)? [$($verb:ident $path:literal)*];)* })*) => {
        /// The table.
        pub(crate) const ACTIONS: &[Action] = &[$($(Action {
            controller: stringify!($controller),
            name: stringify!($name),
            run: |call| Box::pin(async move { $run(call).await }),
            writes: false $(|| matches!(stringify!($kind).as_bytes(), b"writes"))?,
            http: &[$((stringify!($verb), $path)),*],
        }),*),*];
    };
}

actions! {
    document {
        create => document::create, writes [POST "/:index/:collection/_create" POST "/:index/:collection/:_id/_create"];
        createOrReplace => document::create_or_replace, writes [PUT "/:index/:collection/:_id"];
        replace => document::replace, writes [PUT "/:index/:collection/:_id/_replace"];
        update => document::update, writes [PATCH "/:index/:collection/:_id/_update" PUT "/:index/:collection/:_id/_update"];
        upsert => document::upsert, writes [POST "/:index/:collection/:_id/_upsert" PUT "/:index/:collection/:_id/_upsert"];
        delete => document::delete, writes [DELETE "/:index/:collection/:_id"];
        deleteFields => document::delete_fields, writes [DELETE "/:index/:collection/:_id/_fields"];
        updateByQuery => document::query::update, writes [PUT "/:index/:collection/_query"];
        deleteByQuery => document::query::delete, writes [DELETE "/:index/:collection/_query"];
        mCreate => document::many::create, writes [POST "/:index/:collection/_mCreate"];
        mCreateOrReplace => document::many::create_or_replace, writes [PUT "/:index/:collection/_mCreateOrReplace"];
        mReplace => document::many::replace, writes [PUT "/:index/:collection/_mReplace"];
        mUpdate => document::many::update, writes [PATCH "/:index/:collection/_mUpdate" PUT "/:index/:collection/_mUpdate"];
        mUpsert => document::many::upsert, writes [POST "/:index/:collection/_mUpsert"];
        mDelete => document::many::delete, writes [DELETE "/:index/:collection/_mDelete"];
        get => document::read::get, [GET "/:index/:collection/:_id"];
        mGet => document::read::mget, [POST "/:index/:collection/_mGet" GET "/:index/:collection/_mGet"];
        exists => document::read::exists, [GET "/:index/:collection/:_id/_exists"];
        mExists => document::read::mexists, [POST "/:index/:collection/_mExists"];
        count => document::search::count, [POST "/:index/:collection/_count"];
        search => document::search::search, [POST "/:index/:collection/_search" GET "/:index/:collection/_search"];
        scroll => document::scroll::scroll, [GET "/_scroll/:scrollId"];
        export => document::export::unsupported, [GET "/:index/:collection/_export" POST "/:index/:collection/_export"];
        validate => validate::validate, [POST "/:index/:collection/_validate"];
    }
    bulk {
        import => bulk::import, writes [POST "/:index/:collection/_bulk"];
        write => bulk::write, writes [POST "/:index/:collection/_write"];
        mWrite => bulk::mwrite, writes [POST "/:index/:collection/_mWrite"];
        deleteByQuery => bulk::delete_by_query, writes [DELETE "/:index/:collection/_bulk/_query"];
        updateByQuery => bulk::update_by_query, writes [PATCH "/:index/:collection/_bulk/_query"];
    }
    index {
        create => index::create, [POST "/:index/_create"];
        delete => index::delete, [DELETE "/:index"];
        mDelete => index::mdelete, [DELETE "/_mDelete" DELETE "/_mdelete"];
        exists => index::exists, [GET "/:index/_exists"];
        list => index::names, [GET "/_list"];
    }
    collection {
        create => collection::create, [PUT "/:index/:collection"];
        update => collection::update, [POST "/:index/:collection"];
        updateMapping => collection::update_mapping, [PUT "/:index/:collection/_mapping"];
        exists => collection::exists, [GET "/:index/:collection/_exists"];
        list => collection::names, [GET "/:index/_list"];
        getMapping => collection::get_mapping, [GET "/:index/:collection/_mapping"];
        getSettings => collection::get_settings, [GET "/:index/:collection/_settings"];
        refresh => collection::refresh, [POST "/:index/:collection/_refresh"];
        truncate => collection::truncate, [DELETE "/:index/:collection/_truncate"];
        delete => collection::delete, [DELETE "/:index/:collection"];
    }
    realtime {
        subscribe => subscribe::subscribe, [];
        join => subscribe::join, [];
        unsubscribe => subscribe::unsubscribe, [];
        count => subscribe::count, [];
        list => subscribe::list, [GET "/_listSubscriptions"];
        publish => realtime::publish, writes [POST "/:index/:collection/_publish"];
        validate => validate::validate, [];
    }
    server {
        info => server::info, [GET "/_serverInfo" GET "/"];
        now => server::now, [GET "/_now"];
        publicApi => server::public_api, [GET "/_publicApi"];
        healthCheck => server::health_check, [GET "/_healthCheck"];
    }
    auth {
        checkToken => auth::check_token, [POST "/_checkToken"];
        getCurrentUser => auth::current_user, [GET "/_me" GET "/users/_me"];
        getMyRights => auth::my_rights, [GET "/_me/_rights" GET "/users/_me/_rights"];
        getStrategies => auth::strategies, [GET "/strategies"];
        login => auth::login, [POST "/_login/:strategy" GET "/_login/:strategy"];
        logout => auth::logout, [POST "/_logout"];
    }
}

/// `{controller: {action: {controller, action, http: [{verb, url}]}}}`, as clients read it.
pub(crate) fn public_api() -> Value {
    let mut api: Map<String, Value> = Map::new();
    for action in ACTIONS {
        let http: Vec<Value> = action
            .http
            .iter()
            .map(|(verb, path)| json!({"verb": verb, "path": path, "url": path}))
            .collect();
        let mut told = json!({"controller": action.controller, "action": action.name});
        if !http.is_empty() {
            told["http"] = http.into();
        }
        api.entry(action.controller).or_insert_with(|| json!({}))[action.name] = told;
    }
    Value::Object(api)
}

#[cfg(test)]
mod tests;
