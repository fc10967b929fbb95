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
        captures.*,
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
        captures.*,
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

grouped as (
    select
        source,
        post_id,
        min(posted_date) as posted_date,
        max(notice_id) as notice_id,
        min_by(kind, received_at) as deletion_kind,
        count(distinct record_hash) as count_captures,
        min(received_at) as first_noticed_at,
        max(received_at) as last_noticed_at,
        max(ingested_at) as last_seen_at
    from matched
    group by 1, 2
)

select * from grouped
{% if is_incremental() %}
    where
        last_seen_at > {{ seen_until('last_seen_at') }}
        or last_noticed_at > {{ seen_until('last_noticed_at') }} - interval 1 day
{% endif %}
