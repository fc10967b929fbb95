with

notices as (
    select * from {{ source('raw', 'deletions') }}
    where kind != 'place_removed'
),

captures as (
    {{ captures() | indent(4) }}
),

deleted_posts as (
    select
        captures.source,
        captures.post_id,
        notices.kind,
        notices.received_at
    from captures
    inner join notices
        on
            captures.source = notices.source
            and notices.post_id in (captures.notice_id, captures.post_id)
),

-- an author's notice is about what was posted before it, a person's request about all
posts_of_deleted_authors as (
    select
        captures.source,
        captures.post_id,
        notices.kind,
        notices.received_at
    from captures
    inner join notices
        on
            captures.source = notices.source
            and captures.author_key = notices.author_key
            and (
                notices.kind = 'erasure'
                or captures.posted_at
                <= coalesce(notices.noticed_at, notices.received_at)
            )
),

matched as (
    select * from deleted_posts
    union all
    select * from posts_of_deleted_authors
),

noticed as (
    select
        source,
        post_id,
        min_by(kind, struct(received_at, kind)) as deletion_kind,
        min(received_at) as first_noticed_at,
        max(received_at) as last_noticed_at
    from matched
    group by 1, 2
),

-- every capture of the post, also those that the notice does not name
gathered as (
    select
        captures.source,
        captures.post_id,
        min(captures.posted_date) as posted_date,
        concat_ws(
            ' ', array_sort(collect_set(string(captures.posted_date)))
        ) as captured_dates,
        max(captures.notice_id) as notice_id,
        count(*) as count_captures,
        max(captures.ingested_at) as last_seen_at
    from captures
    inner join noticed
        on
            captures.source = noticed.source
            and captures.post_id = noticed.post_id
    group by 1, 2
),

tombstones as (
    select
        gathered.source,
        gathered.post_id,
        gathered.posted_date,
        gathered.captured_dates,
        gathered.notice_id,
        noticed.deletion_kind,
        gathered.count_captures,
        noticed.first_noticed_at,
        noticed.last_noticed_at,
        gathered.last_seen_at
    from gathered
    inner join noticed
        on
            gathered.source = noticed.source
            and gathered.post_id = noticed.post_id
)

select * from tombstones
{% if is_incremental() %}
    where
        last_seen_at > {{ seen_of_source('last_seen_at') }}
        or last_noticed_at > {{ seen_of_source('last_noticed_at') }} - interval 1 day
{% endif %}
