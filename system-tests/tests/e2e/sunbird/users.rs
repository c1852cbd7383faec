//! Users: what they are, where they belong, what they write and know.

use super::story::{Story, text};
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub async fn users(story: &mut Story) -> Result<()> {
    let user = text(&story.run("user.create", json!({})).await?, "userId")?;
    let other = |name: &str, phone: &str| json!({"userName": name, "firstName": name, "phone": phone, "email": format!("{name}@example.org"), "without": ["externalIds", "address", "education", "jobProfile"]});
    let mentor = text(
        &story
            .run("user.create", other("arun", "9845000001"))
            .await?,
        "userId",
    )?;
    let third = text(
        &story
            .run("user.create", other("leela", "9845000002"))
            .await?,
        "userId",
    )?;
    created(story, &user).await?;
    changed(story, &user).await?;

    story.run("user.block", json!({"userId": mentor})).await?;
    story
        .has_row("user", &mentor, json!({"status": 0, "isdeleted": true}))
        .await?;
    story
        .has_document(
            "sunbird/user",
            &mentor,
            json!({"status": 0, "isDeleted": true}),
        )
        .await?;
    story.run("user.unblock", json!({"userId": mentor})).await?;
    story
        .has_row("user", &mentor, json!({"status": 1, "isdeleted": false}))
        .await?;

    story
        .run("user.logintime.update", json!({"userId": user}))
        .await?;
    let first = story
        .has_row("user", &user, json!({"lastlogintime": null}))
        .await?;
    story
        .run("user.logintime.update", json!({"userId": user}))
        .await?;
    story
        .has_row(
            "user",
            &user,
            json!({"lastlogintime": first["currentlogintime"]}),
        )
        .await?;

    story
        .run("user.tnc.accept", json!({"userId": user}))
        .await?;
    story
        .has_row("user", &user, json!({"tncacceptedversion": "v4"}))
        .await?;
    story
        .has_document("sunbird/user", &user, json!({"tncAcceptedVersion": "v4"}))
        .await?;
    story
        .ids
        .extend([("user", user), ("mentor", mentor), ("third", third)]);
    Ok(())
}

async fn created(story: &Story, user: &str) -> Result<()> {
    let root = story.id("root");
    let expected = json!({
        "id": user, "userId": user, "userName": "meera.nair", "loginId": "meera.nair@coastal-schools", "firstName": "Meera",
        "channel": "coastal-schools", "rootOrgId": root, "roles": ["PUBLIC"], "status": 1, "isDeleted": false, "emailVerified": true,
        "maskedPhone": "******2367", "maskedEmail": "me********@example.org", "dob": "1988-07-19", "profileVisibility": {},
        "locationIds": [story.id("district"), story.id("state")], "email": null, "phone": null,
    });
    let document = story.has_document("sunbird/user", user, expected).await?;
    let private = json!({"userId": user, "email": "meera.nair@example.org", "phone": "9845012367"});
    story
        .has_document("sunbird/userprofilevisibility", user, private)
        .await?;
    let row = json!({"username": "meera.nair", "email": "meera.nair@example.org", "rootorgid": root, "status": 1, "language": ["English", "Malayalam"]});
    story.has_row("user", user, row).await?;
    story
        .has_row(
            "usr_external_identity",
            "coastal-schools/employee/emp-20417",
            json!({"userid": user, "originalexternalid": "EMP-20417"}),
        )
        .await?;
    let element = |list: &str| document[list][0].clone();
    let (address, education, job) = (
        element("address"),
        element("education"),
        element("jobProfile"),
    );
    story
        .has_row(
            "address",
            &text(&address, "id")?,
            json!({"userid": user, "city": "Kochi", "addtype": "home"}),
        )
        .await?;
    story
        .has_row(
            "user_education",
            &text(&education, "id")?,
            json!({"degree": "B.Ed.", "percentage": 81.5, "addressid": education["addressId"]}),
        )
        .await?;
    story
        .has_row(
            "user_job_profile",
            &text(&job, "id")?,
            json!({"jobname": "Teacher", "joiningdate": "2014-06-02"}),
        )
        .await?;
    let membership = element("organisations");
    story
        .has_row(
            "user_org",
            &text(&membership, "id")?,
            json!({"userid": user, "organisationid": root, "roles": ["PUBLIC"]}),
        )
        .await?;
    Ok(())
}

async fn changed(story: &mut Story, user: &str) -> Result<()> {
    let before = story
        .document("sunbird/user", user)
        .await?
        .context("the user")?;
    let (address, job) = (
        before["address"][0].clone(),
        before["jobProfile"][0].clone(),
    );
    let line = story.line("user.update")["body"]["request"].clone();
    let with_id = |list: &str, id: &Value| {
        let mut element = line[list][0].clone();
        element["id"] = id.clone();
        json!([element])
    };
    let changes = json!({"userId": user, "address": with_id("address", &address["id"]), "jobProfile": with_id("jobProfile", &job["id"])});
    story.run("user.update", changes).await?;
    let expected = json!({"lastName": "Nair Thomas", "firstName": "Meera", "language": ["English", "Malayalam", "Hindi"], "jobProfile": [],
        "framework": {"id": ["coastal_k-12"], "board": ["State Board"], "gradeLevel": ["Class 9", "Class 10"], "medium": ["English"], "subject": ["Physics"]}});
    let after = story.has_document("sunbird/user", user, expected).await?;
    assert_eq!(
        (
            &after["address"][0]["addressLine1"],
            &after["address"][0]["id"]
        ),
        (&json!("22 Harbour View"), &address["id"])
    );
    story
        .has_row(
            "address",
            &text(&address, "id")?,
            json!({"addressline1": "22 Harbour View", "addtype": "current"}),
        )
        .await?;
    for (table, id) in [("user_job_profile", "id"), ("address", "addressId")] {
        assert_eq!(story.row(table, &text(&job, id)?).await?, None, "{table}");
    }
    story
        .has_row(
            "user",
            user,
            json!({"lastname": "Nair Thomas", "profilesummary": "Head of science."}),
        )
        .await?;
    assert_eq!(
        story
            .row(
                "usr_external_identity",
                "coastal-schools/employee/emp-20417"
            )
            .await?,
        None
    );
    story
        .has_row(
            "usr_external_identity",
            "coastal-schools/staff/emp-31802",
            json!({"userid": user}),
        )
        .await?;
    Ok(())
}

pub async fn members_and_roles(story: &mut Story) -> Result<()> {
    let (user, school) = (story.id("user"), story.id("school"));
    let who = json!({"userId": user, "organisationId": school});
    for _ in 0..2 {
        // The second time it is a success without a change.
        story.run("org.member.add", who.clone()).await?;
    }
    story
        .has_row("organisation", &school, json!({"noofmembers": 1}))
        .await?;
    story
        .has_document("sunbird/org", &school, json!({"noOfMembers": 1}))
        .await?;
    let member = member(story, &user, &school).await?;
    assert_eq!(
        member["roles"],
        json!(["CONTENT_CREATOR", "COURSE_MENTOR", "PUBLIC"])
    );
    let row = text(&member, "id")?;
    story.has_row("user_org", &row, json!({"userid": user, "organisationid": school, "position": "Senior teacher", "isdeleted": false})).await?;

    story.run("user.role.assign", who.clone()).await?;
    let roles = json!({"roles": ["CONTENT_REVIEWER", "PUBLIC"]});
    story.has_row("user_org", &row, roles.clone()).await?;
    assert_eq!(
        self::member(story, &user, &school).await?["roles"],
        roles["roles"]
    );

    story.run("org.member.remove", who.clone()).await?;
    story
        .has_row("user_org", &row, json!({"isdeleted": true}))
        .await?;
    assert_eq!(
        self::member(story, &user, &school).await?["isDeleted"],
        true
    );
    story
        .has_row("organisation", &school, json!({"noofmembers": 0}))
        .await?;
    story.run("org.member.add", who).await?;
    let back = self::member(story, &user, &school).await?;
    assert_eq!(
        (&back["id"], &back["isDeleted"]),
        (&json!(row), &json!(false)),
        "the row is reused"
    );
    Ok(())
}

async fn member(story: &Story, user: &str, organisation: &str) -> Result<Value> {
    let document = story
        .document("sunbird/user", user)
        .await?
        .context("the user")?;
    let list = document["organisations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let found = list
        .into_iter()
        .find(|one| one["organisationId"] == organisation);
    found.context("no member")
}

pub async fn notes_skills_and_codes(story: &mut Story) -> Result<()> {
    let (user, mentor) = (story.id("user"), story.id("mentor"));
    let note = text(
        &story.run("note.create", json!({"userId": user})).await?,
        "id",
    )?;
    let expected = json!({"id": note, "identifier": note, "userId": user, "title": "Refraction demo", "tags": ["optics", "lab"], "isDeleted": false});
    story
        .has_document("sunbird/usernotes", &note, expected)
        .await?;
    story.run("note.update", json!({"path": note})).await?;
    let changed = json!({"title": "Refraction and dispersion demo", "tags": ["optics"]});
    story
        .has_document("sunbird/usernotes", &note, changed.clone())
        .await?;
    story.has_row("user_notes", &note, changed).await?;
    story.run("note.delete", json!({"path": note})).await?;
    story
        .has_row("user_notes", &note, json!({"isdeleted": true}))
        .await?;
    story
        .has_document("sunbird/usernotes", &note, json!({"isDeleted": true}))
        .await?;

    story
        .run("user.skill.add", json!({"endorsedUserId": user}))
        .await?;
    let skills = |document: Value| document["skills"].as_array().cloned().unwrap_or_default();
    let document = story
        .document("sunbird/user", &user)
        .await?
        .context("the user")?;
    let listed = skills(document);
    assert_eq!(listed.len(), 2);
    let optics = listed
        .iter()
        .find(|skill| skill["skillName"] == "Optics")
        .context("Optics")?;
    let optics = text(optics, "id")?;
    story
        .has_row(
            "user_skills",
            &optics,
            json!({"skillnametolowercase": "optics", "endorsementcount": 0}),
        )
        .await?;
    story
        .has_row(
            "skills",
            "001",
            json!({"skills": ["experiment design", "optics"]}),
        )
        .await?;
    for _ in 0..2 {
        // One endorsement of each endorser.
        let endorse = json!({"userId": mentor, "endorsedUserId": user});
        story.run("user.skill.endorse", endorse).await?;
        story
            .has_row("user_skills", &optics, json!({"endorsementcount": 1}))
            .await?;
    }

    // Codes and how often they were asked for are nothing that a client reads.
    for _ in 0..2 {
        story.run("otp.generate", json!({})).await?;
    }
    assert_eq!(story.row("otp", "phone/9845012367").await?, None);
    assert_eq!(story.row("rate_limit", "9845012367/HOUR").await?, None);
    story.ids.insert("note", note);
    Ok(())
}
