//! Every action on one page: what carries it out and its HTTP routes. Dispatch, routes, `GET
//! /_publicApi` and `server:info` are made from this table, and `docs/kuzzle.md` is held against
//! it.

use super::{
    Fault, KuzzleCall, Reply, admin, auth, bulk, collection, document, index,
    members::BodyShape::{self, Members, Nothing, Whole},
    realtime, security, server, specifications, subscribe, validate,
};
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};

pub(crate) type RunAction = for<'a> fn(KuzzleCall<'a>) -> BoxFuture<'a, Result<Reply, Fault>>;

/// One action.
pub(crate) struct Action {
    pub controller: &'static str,
    pub name: &'static str,
    pub run: RunAction,
    /// Does it hand something to the log? What does not ends its request's turn at once.
    pub writes: bool,
    /// The arguments that it reads, divided by blanks; `_id` is one.
    pub takes: &'static str,
    pub content: BodyShape,
    /// Verb and path; `:name` is a variable.
    pub http: &'static [(&'static str, &'static str)],
}

macro_rules! actions {
    ($($controller:ident { $($name:ident => $run:expr, $($kind:ident)? [$($verb:ident $path:literal)*] $takes:literal $content:expr;)* })*) => {
        /// The table. A constant would be made anew, each action's code with it, wherever it is named.
        pub(crate) static ACTIONS: &[Action] = &[$($(Action {
            controller: stringify!($controller),
            name: stringify!($name),
            run: |call| Box::pin(async move { $run(call).await }),
            writes: false $(|| matches!(stringify!($kind).as_bytes(), b"writes"))?,
            takes: $takes,
            content: $content,
            http: &[$((stringify!($verb), $path)),*],
        }),*),*];
    };
}

/// What a collection is made or changed by; a mapping may stand there without the member around it.
const DEFINITION: &str = "mappings settings properties dynamic dynamic_templates date_detection \
                          numeric_detection dynamic_date_formats _meta";

actions! {
    document {
        create => document::create, writes [POST "/:index/:collection/_create" POST "/:index/:collection/:_id/_create"] "_id after refresh silent" Whole;
        createOrReplace => document::create_or_replace, writes [PUT "/:index/:collection/:_id"] "_id after refresh silent" Whole;
        replace => document::replace, writes [PUT "/:index/:collection/:_id/_replace"] "_id after refresh silent" Whole;
        update => document::update, writes [PATCH "/:index/:collection/:_id/_update" PUT "/:index/:collection/:_id/_update"] "_id after refresh retryOnConflict silent source" Whole;
        upsert => document::upsert, writes [POST "/:index/:collection/:_id/_upsert" PUT "/:index/:collection/:_id/_upsert"] "_id after refresh retryOnConflict silent source" Members("changes default");
        delete => document::delete, writes [DELETE "/:index/:collection/:_id"] "_id after refresh silent source" Nothing;
        deleteFields => document::delete_fields, writes [DELETE "/:index/:collection/:_id/_fields"] "_id after refresh silent source" Members("fields");
        updateByQuery => document::query::update, writes [PUT "/:index/:collection/_query"] "after lang refresh silent source" Members("query changes");
        deleteByQuery => document::query::delete, writes [DELETE "/:index/:collection/_query"] "after lang refresh silent source" Members("query");
        mCreate => document::many::create, writes [POST "/:index/:collection/_mCreate"] "after refresh silent source strict" Members("documents");
        mCreateOrReplace => document::many::create_or_replace, writes [PUT "/:index/:collection/_mCreateOrReplace"] "after refresh silent source strict" Members("documents");
        mReplace => document::many::replace, writes [PUT "/:index/:collection/_mReplace"] "after refresh silent source strict" Members("documents");
        mUpdate => document::many::update, writes [PATCH "/:index/:collection/_mUpdate" PUT "/:index/:collection/_mUpdate"] "after refresh retryOnConflict silent source strict" Members("documents");
        mUpsert => document::many::upsert, writes [POST "/:index/:collection/_mUpsert"] "after refresh retryOnConflict silent source strict" Members("documents");
        mDelete => document::many::delete, writes [DELETE "/:index/:collection/_mDelete"] "after ids refresh silent strict" Members("ids");
        get => document::read::get, [GET "/:index/:collection/:_id"] "_id after" Nothing;
        mGet => document::read::mget, [POST "/:index/:collection/_mGet" GET "/:index/:collection/_mGet"] "after ids strict" Members("ids");
        exists => document::read::exists, [GET "/:index/:collection/:_id/_exists"] "_id after" Nothing;
        mExists => document::read::mexists, [POST "/:index/:collection/_mExists"] "after ids strict" Members("ids");
        count => document::search::count, [POST "/:index/:collection/_count"] "after lang" Members("query");
        search => document::search::search, [POST "/:index/:collection/_search" GET "/:index/:collection/_search"] "after from lang scroll searchBody size targets" Whole;
        scroll => document::scroll::scroll, [GET "/_scroll/:scrollId"] "scroll scrollId" Members("scrollId");
        export => document::export::unsupported, [GET "/:index/:collection/_export" POST "/:index/:collection/_export"] "after collapse fields fieldsName format lang query scroll separator size" Members("collapse fields fieldsName query");
        validate => validate::validate, [POST "/:index/:collection/_validate"] "_id" Whole;
    }
    bulk {
        import => bulk::import, writes [POST "/:index/:collection/_bulk"] "after refresh strict" Members("bulkData");
        write => bulk::write, writes [POST "/:index/:collection/_write"] "_id after notify refresh" Whole;
        mWrite => bulk::mwrite, writes [POST "/:index/:collection/_mWrite"] "after notify refresh source strict" Members("documents");
        deleteByQuery => bulk::delete_by_query, writes [DELETE "/:index/:collection/_bulk/_query"] "after lang notify refresh" Members("query");
        updateByQuery => bulk::update_by_query, writes [PATCH "/:index/:collection/_bulk/_query"] "after lang notify refresh" Members("query changes");
    }
    index {
        create => index::create, [POST "/:index/_create"] "" Nothing;
        delete => index::delete, [DELETE "/:index"] "" Nothing;
        mDelete => index::mdelete, [DELETE "/_mDelete" DELETE "/_mdelete"] "indexes" Members("indexes");
        exists => index::exists, [GET "/:index/_exists"] "" Nothing;
        list => index::names, [GET "/_list"] "" Nothing;
        stats => index::stats, [GET "/_storageStats"] "" Nothing;
    }
    collection {
        create => collection::create, [PUT "/:index/:collection"] "" Members(DEFINITION);
        update => collection::update, [POST "/:index/:collection"] "" Members(DEFINITION);
        updateMapping => collection::update_mapping, [PUT "/:index/:collection/_mapping"] "" Members(DEFINITION);
        exists => collection::exists, [GET "/:index/:collection/_exists"] "" Nothing;
        list => collection::names, [GET "/:index/_list"] "from size type" Nothing;
        getMapping => collection::get_mapping, [GET "/:index/:collection/_mapping"] "includeKuzzleMeta" Nothing;
        getSettings => collection::get_settings, [GET "/:index/:collection/_settings"] "" Nothing;
        refresh => collection::refresh, [POST "/:index/:collection/_refresh"] "after" Nothing;
        truncate => collection::truncate, [DELETE "/:index/:collection/_truncate"] "" Nothing;
        delete => collection::delete, [DELETE "/:index/:collection"] "" Nothing;
        getSpecifications => specifications::get, [GET "/:index/:collection/_specifications"] "" Nothing;
        searchSpecifications => specifications::search, [POST "/validations/_search"] "from scroll size" Members("query");
        scrollSpecifications => specifications::scroll, [GET "/validations/_scroll/:scrollId"] "scroll scrollId" Nothing;
        updateSpecifications => specifications::update, [PUT "/:index/:collection/_specifications"] "" Whole;
        validateSpecifications => specifications::validate, [POST "/:index/:collection/_validateSpecifications"] "" Whole;
        deleteSpecifications => specifications::delete, [DELETE "/:index/:collection/_specifications"] "" Nothing;
    }
    realtime {
        subscribe => subscribe::subscribe, [] "scope since state users" Whole;
        join => subscribe::join, [] "scope since state users" Members("roomId");
        unsubscribe => subscribe::unsubscribe, [] "" Members("roomId");
        count => subscribe::count, [] "" Members("roomId");
        list => subscribe::list, [GET "/_listSubscriptions"] "" Nothing;
        publish => realtime::publish, writes [POST "/:index/:collection/_publish"] "_id" Whole;
        validate => validate::validate, [] "_id" Whole;
    }
    server {
        info => server::info, [GET "/_serverInfo" GET "/"] "" Nothing;
        now => server::now, [GET "/_now"] "" Nothing;
        publicApi => server::public_api, [GET "/_publicApi"] "" Nothing;
        healthCheck => server::health_check, [GET "/_healthCheck"] "" Nothing;
        capabilities => server::capabilities, [GET "/_capabilities"] "" Nothing;
        getConfig => server::config, [GET "/_getConfig"] "" Nothing;
        openapi => server::openapi, [GET "/_openapi"] "format scope" Nothing;
        metrics => server::metrics, [GET "/_metrics"] "" Nothing;
        adminExists => security::first_admin::exists, [GET "/_adminExists"] "" Nothing;
    }
    admin {
        loadMappings => admin::load_mappings, [POST "/admin/_loadMappings"] "refresh" Whole;
        loadFixtures => admin::load_fixtures, writes [POST "/admin/_loadFixtures"] "refresh" Whole;
        loadSecurities => security::load::load, [POST "/admin/_loadSecurities"] "dryRun force onExistingUsers" Members("apiKeys profiles roles users");
        resetSecurity => security::reset::reset, [POST "/admin/_resetSecurity"] "" Nothing;
        resetDatabase => admin::reset_database, [POST "/admin/_resetDatabase"] "" Nothing;
    }
    auth {
        checkToken => auth::check_token, [POST "/_checkToken"] "" Members("token");
        getCurrentUser => auth::current_user, [GET "/_me" GET "/users/_me"] "" Nothing;
        getMyRights => auth::my_rights, [GET "/_me/_rights" GET "/users/_me/_rights"] "" Nothing;
        getStrategies => auth::strategies, [GET "/strategies"] "" Nothing;
        login => auth::login, [POST "/_login/:strategy" GET "/_login/:strategy"] "code error error_description error_uri expiresIn iss scope session_state state strategy" Whole;
        logout => auth::logout, [POST "/_logout"] "global" Nothing;
        refreshToken => auth::refresh_token, [POST "/_refreshToken"] "expiresIn" Nothing;
        getMySessions => auth::my_sessions, [GET "/_me/sessions"] "behind" Nothing;
        endMySession => auth::end_my_session, [DELETE "/_me/sessions/:sid"] "sid" Nothing;
        checkRights => auth::check_rights, [POST "/_checkRights"] "" Whole;
        updateSelf => auth::update_self, [PUT "/_me" PUT "/_updateSelf"] "refresh" Whole;
        createApiKey => auth::create_api_key, [POST "/api-keys/_create"] "_id expiresIn refresh" Members("description");
        searchApiKeys => auth::search_api_keys, [POST "/api-keys/_search"] "from lang size" Whole;
        deleteApiKey => auth::delete_api_key, [DELETE "/api-keys/:_id"] "_id refresh" Nothing;
        createMyCredentials => auth::create_credentials, [POST "/_me/credentials/:strategy/_create" POST "/credentials/:strategy/_me/_create"] "strategy" Whole;
        updateMyCredentials => auth::update_credentials, [PUT "/_me/credentials/:strategy/_update" PUT "/credentials/:strategy/_me/_update"] "strategy" Whole;
        validateMyCredentials => auth::validate_credentials, [POST "/_me/credentials/:strategy/_validate" POST "/credentials/:strategy/_me/_validate"] "strategy" Whole;
        credentialsExist => auth::credentials_exist, [GET "/_me/credentials/:strategy/_exists" GET "/credentials/:strategy/_me/_exists"] "strategy" Nothing;
        getMyCredentials => auth::credentials, [GET "/_me/credentials/:strategy" GET "/credentials/:strategy/_me"] "strategy" Nothing;
        deleteMyCredentials => auth::delete_credentials, [DELETE "/_me/credentials/:strategy" DELETE "/credentials/:strategy/_me"] "strategy" Nothing;
    }
    security {
        createFirstAdmin => security::first_admin::create, [POST "/_createFirstAdmin" POST "/_createFirstAdmin/:_id"] "_id refresh reset" Members("content credentials");
        restrictDefaultRights => security::first_admin::restrict, [POST "/_restrictDefaultRights"] "" Nothing;
        createUser => security::users::create, [POST "/users/_create" POST "/users/:_id/_create"] "_id kuid refresh" Members("content credentials");
        createRestrictedUser => security::users::create_restricted, [POST "/users/_createRestricted" POST "/users/:_id/_createRestricted"] "_id kuid refresh" Members("content credentials");
        getUser => security::users::get, [GET "/users/:_id"] "_id" Nothing;
        mGetUsers => security::users::mget, [POST "/users/_mGet" GET "/users/_mGet"] "ids" Members("ids");
        updateUser => security::users::update, [PUT "/users/:_id/_update"] "_id refresh retryOnConflict" Whole;
        replaceUser => security::users::replace, [PUT "/users/:_id/_replace"] "_id refresh" Whole;
        deleteUser => security::users::delete, [DELETE "/users/:_id"] "_id refresh" Nothing;
        mDeleteUsers => security::users::mdelete, [POST "/users/_mDelete"] "ids refresh" Members("ids");
        searchUsers => security::users::search, [POST "/users/_search"] "from lang searchBody size" Whole;
        getUserRights => security::users::rights, [GET "/users/:_id/_rights"] "_id" Nothing;
        getUserStrategies => security::users::strategies, [GET "/users/:_id/_strategies"] "_id" Nothing;
        checkRights => security::users::check_rights, [POST "/_checkRights/:userId"] "userId" Whole;
        revokeTokens => security::users::revoke, [DELETE "/users/:_id/tokens"] "_id" Nothing;
        createCredentials => security::credentials::create_of, [POST "/credentials/:strategy/:_id/_create"] "_id refresh strategy" Whole;
        updateCredentials => security::credentials::update_of, [PUT "/credentials/:strategy/:_id/_update"] "_id refresh strategy" Whole;
        validateCredentials => security::credentials::validate_of, [POST "/credentials/:strategy/:_id/_validate"] "_id strategy" Whole;
        hasCredentials => security::credentials::exist_of, [GET "/credentials/:strategy/:_id/_exists"] "_id strategy" Nothing;
        getCredentials => security::credentials::shown_of, [GET "/credentials/:strategy/:_id"] "_id strategy" Nothing;
        getCredentialsById => security::credentials::shown_by_name, [GET "/credentials/:strategy/:_id/_byId"] "_id strategy" Nothing;
        deleteCredentials => security::credentials::delete_of, [DELETE "/credentials/:strategy/:_id"] "_id refresh strategy" Nothing;
        getCredentialFields => security::credentials::fields, [GET "/credentials/:strategy/_fields"] "strategy" Nothing;
        getAllCredentialFields => security::credentials::all_fields, [GET "/credentials/_fields"] "" Nothing;
        createApiKey => security::api_keys::create_of, [POST "/users/:userId/api-keys/_create"] "_id expiresIn refresh userId" Members("description");
        searchApiKeys => security::api_keys::search_of, [POST "/users/:userId/api-keys/_search"] "from lang size userId" Whole;
        deleteApiKey => security::api_keys::delete_of, [DELETE "/users/:userId/api-keys/:_id"] "_id refresh userId" Nothing;
        createRole => security::roles::create, [POST "/roles/:_id/_create"] "_id force refresh" Whole;
        createOrReplaceRole => security::roles::create_or_replace, [PUT "/roles/:_id"] "_id force refresh" Whole;
        updateRole => security::roles::update, [PUT "/roles/:_id/_update"] "_id force refresh" Whole;
        getRole => security::roles::get, [GET "/roles/:_id"] "_id" Nothing;
        mGetRoles => security::roles::mget, [POST "/roles/_mGet"] "ids" Members("ids");
        searchRoles => security::roles::search, [POST "/roles/_search"] "from lang size" Whole;
        deleteRole => security::roles::delete, [DELETE "/roles/:_id"] "_id refresh" Nothing;
        mDeleteRoles => security::roles::mdelete, [POST "/roles/_mDelete"] "ids refresh" Members("ids");
        createProfile => security::profiles::create, [POST "/profiles/:_id/_create"] "_id refresh strict" Whole;
        createOrReplaceProfile => security::profiles::create_or_replace, [PUT "/profiles/:_id"] "_id refresh strict" Whole;
        updateProfile => security::profiles::update, [PUT "/profiles/:_id/_update"] "_id refresh retryOnConflict" Whole;
        getProfile => security::profiles::get, [GET "/profiles/:_id"] "_id" Nothing;
        mGetProfiles => security::profiles::mget, [POST "/profiles/_mGet"] "ids" Members("ids");
        searchProfiles => security::profiles::search, [POST "/profiles/_search"] "from lang size" Whole;
        getProfileRights => security::profiles::rights, [GET "/profiles/:_id/_rights"] "_id" Nothing;
        deleteProfile => security::profiles::delete, [DELETE "/profiles/:_id"] "_id onAssignedUsers refresh" Nothing;
        mDeleteProfiles => security::profiles::mdelete, [POST "/profiles/_mDelete"] "ids onAssignedUsers refresh" Members("ids");
        refresh => security::refresh, [POST "/_security/:collection/_refresh"] "" Nothing;
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
