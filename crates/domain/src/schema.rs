//! The tables, once for both databases. Private to the crate: no SQL outside the domain.

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    practices (id) {
        id -> UidType,
        name -> Text,
        world -> Text,
        time_zone -> Text,
        language -> Text,
        enterprise_number -> Nullable<Text>,
        version -> BigInt,
        revision -> BigInt,
        created_at -> BigInt,
        fields_version -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    accounts (id) {
        id -> UidType,
        email -> Text,
        email_key -> Text,
        name -> Text,
        language -> Text,
        password_hash -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    members (id) {
        id -> UidType,
        practice_id -> UidType,
        account_id -> UidType,
        role -> Text,
        revision -> BigInt,
        created_at -> BigInt,
        mails -> Nullable<JsonType>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    sessions (id) {
        id -> UidType,
        account_id -> UidType,
        practice_id -> UidType,
        token_hash -> Binary,
        label -> Text,
        authenticated_at -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    invitations (id) {
        id -> UidType,
        member_id -> UidType,
        token_hash -> Binary,
        expires_at -> BigInt,
        created_at -> BigInt,
        invited_by -> Text,
        sealed_token -> Nullable<Binary>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    password_resets (id) {
        id -> UidType,
        account_id -> Nullable<UidType>,
        token_hash -> Binary,
        sealed_token -> Nullable<Binary>,
        expires_at -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    sign_in_failures (key, at) {
        key -> Binary,
        at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    api_keys (id) {
        id -> UidType,
        practice_id -> UidType,
        name -> Text,
        token_hash -> Binary,
        hint -> Text,
        scopes -> JsonType,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    audit_entries (key) {
        key -> BigInt,
        id -> UidType,
        practice_id -> UidType,
        kind -> Text,
        subject -> Nullable<Text>,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        source -> Text,
        operation_id -> Nullable<UidType>,
        version -> Nullable<BigInt>,
        at -> BigInt,
        before -> Nullable<JsonType>,
        after -> Nullable<JsonType>,
        touched -> Nullable<JsonType>,
        at_once -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    idempotent_replies (practice_id, caller, token) {
        practice_id -> UidType,
        caller -> Text,
        token -> Text,
        request_hash -> Binary,
        reply -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    jobs (id) {
        id -> UidType,
        practice_id -> UidType,
        lane -> Text,
        kind -> Text,
        dedupe_key -> Nullable<Text>,
        payload -> JsonType,
        status -> Text,
        priority -> Integer,
        claims -> BigInt,
        failures -> Integer,
        max_failures -> Integer,
        run_at -> BigInt,
        lease_until -> Nullable<BigInt>,
        leased_by -> Nullable<UidType>,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
        operation_id -> Nullable<UidType>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    operations (id) {
        id -> UidType,
        practice_id -> UidType,
        kind -> Text,
        status -> Text,
        done -> BigInt,
        total -> Nullable<BigInt>,
        failed -> BigInt,
        result -> Nullable<JsonType>,
        problem -> Nullable<JsonType>,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    clients (key) {
        key -> BigInt,
        id -> UidType,
        practice_id -> UidType,
        kind -> Text,
        reference -> Nullable<Text>,
        name -> Text,
        name_key -> Text,
        search_key -> Text,
        legal_form -> Nullable<Text>,
        enterprise_number -> Nullable<Text>,
        vat_number -> Nullable<Text>,
        vat_liable -> Nullable<Bool>,
        government -> Bool,
        oin -> Nullable<Text>,
        identifiers -> JsonType,
        street -> Nullable<Text>,
        street_number -> Nullable<Text>,
        postcode -> Nullable<Text>,
        town -> Nullable<Text>,
        country -> Text,
        language -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        website -> Nullable<Text>,
        responsible_id -> Nullable<UidType>,
        responsible_name -> Nullable<Text>,
        portfolio -> Nullable<Text>,
        mandate_start -> Nullable<Text>,
        mandate_end -> Nullable<Text>,
        exemption_reason -> Nullable<Text>,
        exemption_note -> Nullable<Text>,
        exemption_until -> Nullable<Text>,
        archived_at -> Nullable<BigInt>,
        registration -> Nullable<Text>,
        registration_cause -> Nullable<Text>,
        access_point_seat -> Nullable<Text>,
        access_point_name -> Nullable<Text>,
        checked_at -> Nullable<BigInt>,
        unknown_since -> Nullable<BigInt>,
        created_at -> BigInt,
        informed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    client_values (client_key) {
        client_key -> BigInt,
        practice_id -> UidType,
        revision -> BigInt,
        updated_at -> BigInt,
        vals -> JsonType,
        prov -> JsonType,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    changes (entry_key, client_key, field, item) {
        entry_key -> BigInt,
        client_key -> BigInt,
        field -> BigInt,
        item -> BigInt,
        old_num -> Nullable<Double>,
        old_txt -> Nullable<Text>,
        old_entry_key -> Nullable<BigInt>,
        new_num -> Nullable<Double>,
        new_txt -> Nullable<Text>,
        at_once -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    contacts (id) {
        id -> UidType,
        practice_id -> UidType,
        client_key -> BigInt,
        name -> Text,
        role -> Nullable<Text>,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        language -> Nullable<Text>,
        receives_notices -> Bool,
        revision -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    field_categories (id) {
        id -> UidType,
        practice_id -> UidType,
        slug -> Text,
        names -> JsonType,
        position -> Integer,
        active -> Bool,
        in_lists -> Bool,
        revision -> BigInt,
        created_at -> BigInt,
        archived_at -> Nullable<BigInt>,
        criteria -> Nullable<JsonType>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    fields (key) {
        key -> BigInt,
        id -> UidType,
        practice_id -> UidType,
        category_id -> UidType,
        slug -> Text,
        names -> JsonType,
        kind -> Text,
        former_kinds -> JsonType,
        position -> Integer,
        active -> Bool,
        archived_at -> Nullable<BigInt>,
        revision -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    field_options (key) {
        key -> BigInt,
        id -> UidType,
        practice_id -> UidType,
        field_key -> BigInt,
        label -> Text,
        label_key -> Text,
        labels -> JsonType,
        delivered_key -> Nullable<Text>,
        position -> Integer,
        retired_at -> Nullable<BigInt>,
        revision -> BigInt,
        merged_into -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    own_solutions (practice_id) {
        practice_id -> UidType,
        receive_option -> Nullable<BigInt>,
        send_option -> Nullable<BigInt>,
        seat_ids -> JsonType,
        revision -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    participants (identifier, world) {
        world -> Text,
        identifier -> Text,
        state -> Nullable<Text>,
        cause -> Nullable<Text>,
        access_point_seat -> Nullable<Text>,
        access_point_name -> Nullable<Text>,
        details -> Nullable<JsonType>,
        document_types_hash -> Nullable<Binary>,
        answered_at -> Nullable<BigInt>,
        failure -> Nullable<Text>,
        asked_at -> Nullable<BigInt>,
        absent_since -> Nullable<BigInt>,
        night_asked_at -> Nullable<BigInt>,
        canary -> Bool,
        tries -> Integer,
        next_try_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    document_type_lists (hash) {
        hash -> Binary,
        document_types -> JsonType,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    raw_answers (world, identifier) {
        world -> Text,
        identifier -> Text,
        hash -> Binary,
        body -> Nullable<Binary>,
        kept_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    registrations (client_key, identifier) {
        client_key -> BigInt,
        identifier -> Text,
        practice_id -> UidType,
        position -> Nullable<Integer>,
        state -> Nullable<Text>,
        cause -> Nullable<Text>,
        access_point_seat -> Nullable<Text>,
        access_point_name -> Nullable<Text>,
        details -> Nullable<JsonType>,
        document_types_hash -> Nullable<Binary>,
        since -> Nullable<BigInt>,
        checked_at -> Nullable<BigInt>,
        failure -> Nullable<Text>,
        unknown_since -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    registration_moves (key) {
        key -> BigInt,
        practice_id -> UidType,
        client_key -> BigInt,
        identifier -> Text,
        at -> BigInt,
        source -> Text,
        old_state -> Nullable<Text>,
        old_seat -> Nullable<Text>,
        old_name -> Nullable<Text>,
        new_state -> Text,
        new_seat -> Nullable<Text>,
        new_name -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    rounds (id) {
        id -> UidType,
        world -> Text,
        began_at -> BigInt,
        fresh_from -> BigInt,
        ends_at -> BigInt,
        turn -> BigInt,
        step -> BigInt,
        touched_at -> BigInt,
        sleeping_until -> Nullable<BigInt>,
        paused_until -> Nullable<BigInt>,
        pauses -> Integer,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    nights (id) {
        id -> UidType,
        practice_id -> UidType,
        round_id -> UidType,
        local_date -> Text,
        ordinal -> Integer,
        phase -> Text,
        cursor -> BigInt,
        began_at -> BigInt,
        written_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        clients -> BigInt,
        nothing_to_ask -> BigInt,
        identifiers -> BigInt,
        changed -> BigInt,
        listed -> BigInt,
        vanished -> BigInt,
        held -> BigInt,
        hold_reason -> Nullable<Text>,
        asked -> BigInt,
        not_asked -> BigInt,
        unknown -> JsonType,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    held_changes (id) {
        id -> UidType,
        practice_id -> UidType,
        night_id -> UidType,
        client_key -> BigInt,
        status -> Text,
        old_state -> Nullable<Text>,
        old_seat -> Nullable<Text>,
        old_name -> Nullable<Text>,
        new_state -> Text,
        absent_at -> BigInt,
        created_at -> BigInt,
        decided_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    registration_checks (id) {
        id -> UidType,
        practice_id -> UidType,
        status -> Text,
        operation_id -> UidType,
        application_id -> Nullable<UidType>,
        created_at -> BigInt,
        checked_at -> Nullable<BigInt>,
        applied_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    findings (check_id, client_key) {
        check_id -> UidType,
        client_key -> BigInt,
        answers -> Nullable<JsonType>,
        asked_at -> Nullable<BigInt>,
        differs -> Bool,
        old_state -> Nullable<Text>,
        old_cause -> Nullable<Text>,
        old_seat -> Nullable<Text>,
        old_name -> Nullable<Text>,
        new_state -> Nullable<Text>,
        new_cause -> Nullable<Text>,
        new_seat -> Nullable<Text>,
        new_name -> Nullable<Text>,
        outcome -> Nullable<Text>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    imports (id) {
        id -> UidType,
        practice_id -> UidType,
        operation_id -> Nullable<UidType>,
        status -> Text,
        dry_run -> Bool,
        mapping -> JsonType,
        file_name -> Nullable<Text>,
        encoding -> Nullable<Text>,
        format -> Nullable<Text>,
        sheet -> Nullable<Text>,
        column_fields -> JsonType,
        unknown_columns -> JsonType,
        done_line -> BigInt,
        row_count -> BigInt,
        accepted -> BigInt,
        created -> BigInt,
        changed -> BigInt,
        unchanged -> BigInt,
        rejected -> BigInt,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    import_chunks (import_id, number) {
        import_id -> UidType,
        number -> Integer,
        bytes -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    import_findings (key) {
        key -> BigInt,
        import_id -> UidType,
        weight -> Text,
        line -> BigInt,
        column_name -> Text,
        code -> Text,
        reason -> Text,
        params -> JsonType,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    bulk_edits (key) {
        key -> BigInt,
        id -> UidType,
        practice_id -> UidType,
        status -> Text,
        selection -> JsonType,
        assignments -> JsonType,
        plan -> JsonType,
        selected -> BigInt,
        to_change -> BigInt,
        refused -> BigInt,
        as_of -> BigInt,
        overwrites -> Bool,
        application_id -> Nullable<UidType>,
        undo_id -> Nullable<UidType>,
        changed -> BigInt,
        skipped -> BigInt,
        restored -> BigInt,
        kept -> BigInt,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        created_at -> BigInt,
        applied_at -> Nullable<BigInt>,
        undone_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    bulk_edit_chunks (edit_key, number) {
        edit_key -> BigInt,
        number -> BigInt,
        clients -> JsonType,
        refused -> JsonType,
        entry_key -> Nullable<BigInt>,
        skipped -> Nullable<JsonType>,
        undo_entry_key -> Nullable<BigInt>,
        kept -> Nullable<JsonType>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    saved_views (id) {
        id -> UidType,
        practice_id -> UidType,
        delivered_key -> Nullable<Text>,
        names -> JsonType,
        owner_member -> Nullable<UidType>,
        owner_key -> Nullable<UidType>,
        content -> JsonType,
        adapted -> Bool,
        hidden -> Bool,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    senders (id) {
        id -> UidType,
        practice_id -> UidType,
        name -> Text,
        from_name -> Text,
        from_address -> Nullable<Text>,
        reply_to -> Nullable<Text>,
        signatures -> JsonType,
        server -> Nullable<JsonType>,
        secrets -> Nullable<Binary>,
        bounces -> Nullable<JsonType>,
        bounce_secrets -> Nullable<Binary>,
        per_minute -> Nullable<Integer>,
        per_day -> Nullable<Integer>,
        is_default -> Bool,
        tested_at -> Nullable<BigInt>,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    completeness (practice_id) {
        practice_id -> UidType,
        expected -> JsonType,
        revision -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::UidType;
    client_relations (id, client_key) {
        id -> UidType,
        practice_id -> UidType,
        client_key -> BigInt,
        other_key -> BigInt,
        kind -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    template_categories (id) {
        id -> UidType,
        practice_id -> UidType,
        code -> Text,
        names -> JsonType,
        active -> Bool,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    templates (id) {
        id -> UidType,
        practice_id -> UidType,
        category_id -> UidType,
        delivered_key -> Nullable<Text>,
        name -> Text,
        active -> Bool,
        content -> JsonType,
        version -> BigInt,
        adapted -> Bool,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    template_versions (template_id, number) {
        template_id -> UidType,
        number -> BigInt,
        practice_id -> UidType,
        content -> JsonType,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    attached_files (practice_id, digest) {
        practice_id -> UidType,
        digest -> Binary,
        octets -> BigInt,
        brought_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    attached_pieces (practice_id, digest, number) {
        practice_id -> UidType,
        digest -> Binary,
        number -> Integer,
        bytes -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    template_attachments (template_id, number, place) {
        template_id -> UidType,
        number -> BigInt,
        place -> Integer,
        practice_id -> UidType,
        id -> UidType,
        name -> Text,
        language -> Nullable<Text>,
        media_type -> Text,
        digest -> Binary,
        octets -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    campaign_attachments (campaign_key, place) {
        campaign_key -> BigInt,
        place -> Integer,
        practice_id -> UidType,
        id -> UidType,
        name -> Text,
        language -> Nullable<Text>,
        media_type -> Text,
        digest -> Binary,
        octets -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    campaigns (key) {
        key -> BigInt,
        id -> UidType,
        practice_id -> UidType,
        name -> Text,
        status -> Text,
        purpose -> Text,
        mode -> Text,
        template_id -> UidType,
        sender_id -> Nullable<UidType>,
        selection -> JsonType,
        in_doubt -> Text,
        pause_share -> Integer,
        per_minute -> Nullable<Integer>,
        scheduled_at -> Nullable<BigInt>,
        root_id -> Nullable<UidType>,
        content -> Nullable<JsonType>,
        sender -> Nullable<JsonType>,
        informs -> Bool,
        audience -> BigInt,
        operation_id -> Nullable<UidType>,
        turn -> BigInt,
        faults -> Integer,
        paused_for -> Nullable<JsonType>,
        watched_from -> BigInt,
        next_mail_at -> BigInt,
        revision -> BigInt,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        dispatched_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        client_key -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    campaign_recipients (campaign_key, client_key) {
        campaign_key -> BigInt,
        client_key -> BigInt,
        leader_key -> BigInt,
        status -> Text,
        address -> Nullable<Text>,
        contact -> Nullable<Text>,
        role -> Nullable<Text>,
        language -> Text,
        reason -> Text,
        attempts -> Integer,
        due_at -> BigInt,
        words -> Nullable<Text>,
        settled_at -> Nullable<BigInt>,
        is_traced -> Bool,
        bounce -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    suppressions (practice_id, address_key) {
        practice_id -> UidType,
        address_key -> Text,
        address -> Text,
        scope -> Text,
        reason -> Text,
        note -> Nullable<Text>,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    sender_quotas (practice_id, sender_id) {
        practice_id -> UidType,
        sender_id -> UidType,
        next_mail_at -> BigInt,
        day -> Text,
        sent -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    bounce_mailboxes (id) {
        id -> UidType,
        practice_id -> Nullable<UidType>,
        place -> Text,
        uid_validity -> Nullable<BigInt>,
        last_uid -> BigInt,
        read_at -> Nullable<BigInt>,
        fault -> Nullable<JsonType>,
        faults -> Integer,
        due_at -> BigInt,
    }
}

diesel::joinable!(contacts -> clients (client_key));
diesel::joinable!(client_values -> clients (client_key));
diesel::joinable!(changes -> clients (client_key));
diesel::joinable!(changes -> audit_entries (entry_key));
diesel::joinable!(members -> accounts (account_id));
diesel::joinable!(members -> practices (practice_id));
diesel::joinable!(sessions -> practices (practice_id));
diesel::joinable!(sessions -> accounts (account_id));
diesel::joinable!(api_keys -> practices (practice_id));
diesel::joinable!(invitations -> members (member_id));
diesel::joinable!(password_resets -> accounts (account_id));

diesel::table! {
    use diesel::sql_types::*;
    use crate::kernel::{JsonType, UidType};
    readiness_days (practice_id, day) {
        practice_id -> UidType,
        day -> Text,
        total -> BigInt,
        exempt -> BigInt,
        ready -> BigInt,
        registered -> BigInt,
        informed -> BigInt,
        not_registered -> BigInt,
        cannot_receive -> BigInt,
        unknown -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    practices,
    accounts,
    members,
    sessions,
    invitations,
    password_resets,
    api_keys,
    audit_entries,
    clients,
    client_values,
    changes,
    contacts,
    field_categories,
    fields,
    field_options,
    own_solutions,
    participants,
    document_type_lists,
    registrations,
    registration_moves,
    findings,
    held_changes,
    nights,
    rounds,
    registration_checks,
    templates,
    template_attachments,
    attached_files,
    campaigns,
    campaign_attachments,
    campaign_recipients,
    suppressions,
);
