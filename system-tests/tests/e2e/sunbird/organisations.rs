//! Settings, locations, organisations, uploads, syncs.

use super::story::{Story, text};
use anyhow::{Context, Result};
use serde_json::json;

pub async fn settings_and_places(story: &mut Story) -> Result<()> {
    story.run("system.setting.set", json!({})).await?;
    let custodian = json!({"id": "custodianOrgChannel", "field": "custodianOrgChannel", "value": "custodian-schools"});
    story.run("system.setting.set", custodian).await?;

    let state =
        json!({"code": "29", "name": "Karnataka", "type": "state", "without": ["parentCode"]});
    let state = text(&story.run("location.create", state).await?, "id")?;
    let district = text(&story.run("location.create", json!({})).await?, "id")?;
    let cells =
        json!({"code": "29-04", "name": "Ernakulam Coast", "type": "district", "parentId": state});
    story
        .has_document("sunbird/location", &district, cells)
        .await?;
    let update = json!({"id": district, "parentId": state});
    story.run("location.update", update).await?;

    let answer = story.run("location.bulk.upload", json!({})).await?;
    let process = text(&answer, "processId")?;
    story.uploaded(&process, 2).await?;
    let harbour = story.owner_of("location.code/29-04-02").await?;
    let lagoon = story.owner_of("location.code/29-04-07").await?;
    story.know([("state", state), ("district", district)]);
    story.know([("harbour block", harbour), ("lagoon block", lagoon)]);
    story.know([("places upload", process)]);
    story
        .compare_all("places", include_str!("expected/places.json"))
        .await
}

pub async fn organisations(story: &mut Story) -> Result<()> {
    let root = json!({"orgName": "Coastal Schools", "isRootOrg": true, "without": ["externalId", "locationCode", "address", "contactDetail", "hashTagId"]});
    let root = text(&story.run("org.create", root).await?, "organisationId")?;
    // Where those go who are of no organisation.
    let custodian = json!({"orgName": "Custodian", "channel": "custodian-schools", "hashTagId": "custodian-tag", "isRootOrg": true, "without": ["externalId", "locationCode", "address", "contactDetail"]});
    let custodian = text(&story.run("org.create", custodian).await?, "organisationId")?;
    let types = json!({"id": "orgTypes", "field": "orgTypes", "value": "{\"school\":\"ot-1\"}"});
    story.run("system.setting.set", types).await?;
    let school = json!({"orgType": "School", "parentOrgId": root, "hashTagId": "harbour-tag"});
    let school = text(&story.run("org.create", school).await?, "organisationId")?;
    let created = story.document("sunbird/org", &school).await?;
    let address = text(&created.context("the school")?, "addressId")?;
    story.know([("root", root), ("school", school), ("custodian", custodian)]);
    story.know([("school address", address)]);
    let mapping = story.stranger("row org_mapping/").await?;
    story.know([("school mapping", mapping)]);
    story
        .compare_all("organisations", include_str!("expected/organisations.json"))
        .await?;

    let update = json!({"organisationId": story.id("school"), "locationIds": [story.id("state")]});
    story.run("org.update", update).await?;
    for status in [2, 1] {
        let change = json!({"organisationId": story.id("school"), "status": status});
        story.run("org.status.update", change).await?;
        story
            .has_document(
                "sunbird/org",
                &story.id("school"),
                json!({"status": status}),
            )
            .await?;
    }
    story
        .compare_all(
            "changed school",
            include_str!("expected/changed_school.json"),
        )
        .await
}

pub async fn uploads_and_syncs(story: &mut Story) -> Result<()> {
    let school = story.id("school");
    let data = format!(
        "SCHOOL NAME,BLOCK CODE,STATUS,SCHOOL ID,EXTERNAL ID,DESCRIPTION\nLagoon Primary School,29-04-07,active,,LPS-014,Primary school\nHarbour High School,29-04-02,inactive,{school},HHS-101,Closed for repair\n"
    );
    let answer = story.run("org.bulk.upload", json!({"data": data})).await?;
    let process = text(&answer, "processId")?;
    story.uploaded(&process, 2).await?;
    let closed = json!({"description": "Closed for repair", "status": 0});
    story.has_document("sunbird/org", &school, closed).await?;
    let lagoon = story.stranger("row organisation/").await?;
    story.know([("lagoon school", lagoon), ("schools upload", process)]);

    // Lines name schools that are open.
    let open = json!({"organisationId": school, "status": 1});
    story.run("org.status.update", open).await?;
    let user = story.id("meera");
    let data = format!(
        "NAME,MOBILE PHONE,EMAIL,SCHOOL ID,USER_TYPE,ROLES,USER ID,SCHOOL EXTERNAL ID\nArun Das,9847011223,,{school},TEACHER,\"PUBLIC,CONTENT_CREATOR\",,\nMeera Nair,9845012399,,{school},TEACHER,CONTENT_REVIEWER,{user},\n"
    );
    let answer = story.run("user.bulk.upload", json!({"data": data})).await?;
    let process = text(&answer, "processId")?;
    story.uploaded(&process, 2).await?;
    let closed = json!({"organisationId": school, "status": 0});
    story.run("org.status.update", closed).await?;
    let das = story.stranger("row user/").await?;
    let created = story.document("sunbird/user", &das).await?;
    let created = created.context("the user of the upload")?;
    let membership = |n: usize| text(&created["organisations"][n], "id");
    story.know([("das root", membership(0)?), ("das school", membership(1)?)]);
    story.know([("das", das), ("users upload", process)]);
    story
        .compare_all("uploads", include_str!("expected/uploads.json"))
        .await?;

    // Whatever is synced stays as it is.
    for (kind, ids) in [
        ("organisation", [school, story.id("root")]),
        ("user", [user, story.id("mentor")]),
        ("batch", [story.id("open"), story.id("closed")]),
        (
            "user_course",
            [story.id("meera open"), story.id("third closed")],
        ),
    ] {
        let chosen = json!({"objectType": kind, "objectIds": ids});
        story.run("data.sync", chosen).await?;
    }
    story.compare_all("syncs", "{}").await
}
