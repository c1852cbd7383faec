//! Settings, locations, organisations, uploads, syncs.

use super::story::{Story, text};
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub async fn settings_and_places(story: &mut Story) -> Result<()> {
    story.run("system.setting.set", json!({})).await?;
    let value = story.line("system.setting.set")["body"]["request"]["value"].clone();
    story
        .has_row(
            "system_settings",
            "tncConfig",
            json!({"field": "tncConfig", "value": value}),
        )
        .await?;
    let custodian = json!({"id": "custodianOrgChannel", "field": "custodianOrgChannel", "value": "custodian-schools"});
    story.run("system.setting.set", custodian).await?;

    let state =
        json!({"code": "29", "name": "Karnataka", "type": "state", "without": ["parentCode"]});
    let state = text(&story.run("location.create", state).await?, "id")?;
    let district = text(&story.run("location.create", json!({})).await?, "id")?;
    let cells = json!({"code": "29-04", "name": "Ernakulam Coast", "type": "district"});
    let document = story
        .has_document("sunbird/location", &district, cells)
        .await?;
    assert_eq!(
        (&document["parentId"], &document["id"]),
        (&json!(state), &json!(district))
    );
    let row = story
        .has_row("location", &district, json!({"parentid": state}))
        .await?;
    assert_eq!(row["code"], "29-04");

    let update = json!({"id": district, "parentId": state});
    story.run("location.update", update).await?;
    for name in ["row", "document"] {
        let found = match name {
            "row" => story.row("location", &district).await?,
            _ => story.document("sunbird/location", &district).await?,
        };
        assert_eq!(found.context(name)?["name"], "Ernakulam Shore");
    }
    story.ids.extend([("state", state), ("district", district)]);

    let answer = story.run("location.bulk.upload", json!({})).await?;
    let process = text(&answer, "processId")?;
    story.uploaded(&process, 2).await?;
    let expected = json!({"objecttype": "location", "taskcount": 2, "status": 3, "failedcount": 0});
    story
        .has_row("bulk_upload_process", &process, expected)
        .await?;
    let task = format!("{process}/1");
    let task = story
        .has_row("bulk_upload_process_task", &task, json!({"status": 3}))
        .await?;
    let line: Value = serde_json::from_str(&text(&task, "data")?)?;
    assert_eq!(
        line,
        json!({"code": "29-04-02", "name": "Harbour Block", "parentCode": "29-04"})
    );
    Ok(())
}

pub async fn organisations(story: &mut Story) -> Result<()> {
    let root = json!({"orgName": "Coastal Schools", "isRootOrg": true, "without": ["externalId", "locationCode", "address", "contactDetail", "hashTagId"]});
    let root = text(&story.run("org.create", root).await?, "organisationId")?;
    // Where those go who are of no organisation.
    let custodian = json!({"orgName": "Custodian", "channel": "custodian-schools", "isRootOrg": true, "without": ["externalId", "locationCode", "address", "contactDetail", "hashTagId"]});
    let custodian = text(&story.run("org.create", custodian).await?, "organisationId")?;
    let types = json!({"id": "orgTypes", "field": "orgTypes", "value": "{\"school\":\"ot-1\"}"});
    story.run("system.setting.set", types).await?;
    let school = text(
        &story
            .run("org.create", json!({"orgType": "School"}))
            .await?,
        "organisationId",
    )?;
    let expected = json!({
        "id": school, "orgName": "Harbour High School", "channel": "coastal-schools", "provider": "coastal-schools",
        "externalId": "hhs-001", "rootOrgId": root, "isRootOrg": false, "status": 1, "noOfMembers": 0,
        "slug": "coastal-schools", "hashTagId": school, "orgType": "School", "orgTypeId": "ot-1", "locationIds": [story.id("district"), story.id("state")],
    });
    let document = story.has_document("sunbird/org", &school, expected).await?;
    let row = json!({"orgname": "Harbour High School", "externalid": "hhs-001", "rootorgid": root, "status": 1, "noofmembers": 0});
    let row = story.has_row("organisation", &school, row).await?;
    let contacts: Value = serde_json::from_str(&text(&row, "contactdetail")?)?;
    assert_eq!(contacts, document["contactDetail"]);
    assert_eq!(row["addressid"], document["address"]["id"]);
    let address = text(&row, "addressid")?;
    story
        .has_row(
            "address",
            &address,
            json!({"city": "Kochi", "zipcode": "682003"}),
        )
        .await?;
    story
        .has_row(
            "org_external_identity",
            "coastal-schools/hhs-001",
            json!({"orgid": school}),
        )
        .await?;

    let update = json!({"organisationId": school, "locationIds": [story.id("state")]});
    story.run("org.update", update).await?;
    let changed = json!({"externalId": "hhs-101", "theme": "blue", "orgName": "Harbour High School", "locationIds": [story.id("state")]});
    story.has_document("sunbird/org", &school, changed).await?;
    story
        .has_row("address", &address, json!({"addressline1": "7 Quay Lane"}))
        .await?;
    story
        .has_row(
            "org_external_identity",
            "coastal-schools/hhs-101",
            json!({"orgid": school}),
        )
        .await?;
    assert_eq!(
        story
            .row("org_external_identity", "coastal-schools/hhs-001")
            .await?,
        None
    );

    for status in [2, 1] {
        let change = json!({"organisationId": school, "status": status});
        story.run("org.status.update", change).await?;
        story
            .has_document("sunbird/org", &school, json!({"status": status}))
            .await?;
        story
            .has_row("organisation", &school, json!({"status": status}))
            .await?;
    }
    story
        .ids
        .extend([("root", root), ("school", school), ("custodian", custodian)]);
    Ok(())
}

pub async fn uploads_and_syncs(story: &mut Story) -> Result<()> {
    let school = story.id("school");
    let data = format!(
        "SCHOOL NAME,BLOCK CODE,STATUS,SCHOOL ID,EXTERNAL ID,DESCRIPTION\nLagoon Primary School,29-04-07,active,,LPS-014,Primary school\nHarbour High School,29-04-02,inactive,{school},HHS-101,Closed for repair\n"
    );
    let answer = story.run("org.bulk.upload", json!({"data": data})).await?;
    let process = text(&answer, "processId")?;
    story.uploaded(&process, 2).await?;
    story
        .has_row(
            "bulk_upload_process",
            &process,
            json!({"objecttype": "organisation", "taskcount": 2}),
        )
        .await?;
    let closed = json!({"description": "Closed for repair", "status": 0});
    story.has_document("sunbird/org", &school, closed).await?;
    let lagoon = story
        .has_row(
            "org_external_identity",
            "custodian-schools/lps-014",
            json!({}),
        )
        .await?;
    let lagoon = text(&lagoon, "orgid")?;
    let expected = json!({"orgName": "Lagoon Primary School", "rootOrgId": story.id("custodian"), "status": 1});
    story.has_document("sunbird/org", &lagoon, expected).await?;

    // Lines name schools that are open.
    let open = json!({"organisationId": school, "status": 1});
    story.run("org.status.update", open).await?;
    let user = story.id("user");
    let data = format!(
        "NAME,MOBILE PHONE,EMAIL,SCHOOL ID,USER_TYPE,ROLES,USER ID,SCHOOL EXTERNAL ID\nArun Das,9847011223,,{school},TEACHER,\"PUBLIC,CONTENT_CREATOR\",,\nMeera Nair,9845012399,,{school},TEACHER,CONTENT_REVIEWER,{user},\n"
    );
    let answer = story.run("user.bulk.upload", json!({"data": data})).await?;
    let process = text(&answer, "processId")?;
    story.uploaded(&process, 2).await?;
    let closed = json!({"organisationId": school, "status": 0});
    story.run("org.status.update", closed).await?;
    story
        .has_row(
            "bulk_upload_process",
            &process,
            json!({"objecttype": "user", "taskcount": 2}),
        )
        .await?;
    story
        .has_row(
            "user",
            &user,
            json!({"firstname": "Meera Nair", "phone": "9845012399"}),
        )
        .await?;

    let before = story.document("sunbird/org", &school).await?;
    let ids = json!({"objectIds": [school, story.id("root")]});
    story.run("data.sync", ids).await?;
    assert_eq!(story.document("sunbird/org", &school).await?, before);
    Ok(())
}
