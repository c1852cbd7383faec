//! `GET /v1/security/explain`: may a user do something there, and by which policy, or what is
//! missing. It changes nothing, and it answers for what a user is allowed alone: limits and owner
//! rules of operations are looked at when a request is made.

use crate::{
    access::{ANONYMOUS, ANONYMOUS_KUID},
    answer,
    app::Shared,
    error::{Code, Problem},
    request::query::QueryString,
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::StatusCode;
use rights::{ActionPlace, ExplainedPolicy, PolicyOutcome, RightsExplanation, base};
use serde_json::json;

pub(crate) async fn explain(
    State(app): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = QueryString::parse(query.as_deref())?;
    let wanted = |name| {
        let missing = || Problem::new(Code::BadRequest, format!("the query must name `{name}`"));
        let given = query.one(name).filter(|text| !text.is_empty());
        given.ok_or_else(missing)
    };
    let (user, right) = (wanted("user")?, wanted("right")?);
    let right = right.split_once([':', '.']).ok_or_else(|| {
        let why = "`right` is a controller and an action, as in `document:create`";
        Problem::new(Code::BadRequest, why)
    })?;
    let place = query.one("place").unwrap_or_default();
    let known = app.access.state.current().await?;
    let profiles = profiles(&app, user).await?;
    let ids = profiles.iter().map(String::as_str);
    let explained = known.set.explain(ids, right, read_place(place));
    let because = sentence(user, right, place, &explained);
    let answer = json!({
        "user": user, "right": format!("{}:{}", right.0, right.1), "place": place, "profiles": profiles,
        "allowed": explained.allowed, "because": because, "policies": explained.policies,
        "unknown_profiles": explained.unknown_profiles,
    });
    Ok(answer::json_response(StatusCode::OK, &answer))
}

async fn profiles(app: &Shared, user: &str) -> Result<Vec<String>, Problem> {
    if [ANONYMOUS, ANONYMOUS_KUID].contains(&user) {
        return Ok(vec![base::ANONYMOUS.to_owned()]);
    }
    let known = app.access.accounts().user(user).await?;
    let known = known.ok_or_else(|| Problem::new(Code::Missing, "there is no such user"))?;
    Ok(known.profiles)
}

/// `index/collection`, `index`, `*` for what no restriction reaches, or nothing for what names no
/// place.
fn read_place(place: &str) -> ActionPlace<'_> {
    match (place, place.split_once('/')) {
        ("", _) => ActionPlace::Nowhere,
        ("*", _) => ActionPlace::Everywhere,
        (_, Some((index, collection))) => ActionPlace::Collection(index, collection),
        (index, None) => ActionPlace::Index(index),
    }
}

fn sentence(
    user: &str,
    (controller, action): (&str, &str),
    place: &str,
    explained: &RightsExplanation,
) -> String {
    let found = |outcome| {
        let mut policies = explained.policies.iter();
        policies.find(|policy| policy.outcome == outcome)
    };
    let of = |policy: &ExplainedPolicy| {
        format!(
            "the role `{}` of the profile `{}`",
            policy.role, policy.profile
        )
    };
    let place = match place {
        "" => String::new(),
        "*" => " everywhere".to_owned(),
        place => format!(" in `{place}`"),
    };
    let what = format!("`{controller}:{action}`{place}");
    if let Some(policy) = found(PolicyOutcome::Allows) {
        format!("{} allows {what}", of(policy))
    } else if let Some(policy) = found(PolicyOutcome::Elsewhere) {
        format!(
            "{} allows it, but is restricted to other places than {what} needs",
            of(policy)
        )
    } else if let Some(policy) = found(PolicyOutcome::RoleDenies) {
        format!("{} denies {what}, and no other allows it", of(policy))
    } else if let Some(policy) = found(PolicyOutcome::UnknownRole) {
        format!("{} is not there, and no other allows {what}", of(policy))
    } else if explained.policies.is_empty() {
        format!("`{user}` has no profile that is there")
    } else {
        format!("no role of `{user}` says anything of {what}")
    }
}
