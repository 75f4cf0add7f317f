-- One row per column that is missing or has a type the pipeline cannot work with.
-- The types are families: any whole number counts as integer, any character type as text.
with
expected as (
    select
        wanted.table_name,
        wanted.family,
        unnest(string_to_array(wanted.column_names, ' ')) as column_name
    from
        (
            values
            ('merchants', 'integer', 'id'),
            ('merchants', 'text', 'name'),
            ('merchants', 'boolean', 'is_active'),
            ('stores', 'integer', 'id merchant_id'),
            ('stores', 'text', 'name default_language'),
            ('customers', 'integer', 'id'),
            ('customers', 'text', 'email first_name last_name preferred_language'),
            ('customers', 'timestamptz', 'email_suppressed_at'),
            (
                'loyalty_programs', 'integer',
                'id merchant_id points_expiration_days min_notice_days stamps_target'
            ),
            ('loyalty_programs', 'text', 'name time_zone'),
            ('loyalty_programs', 'boolean', 'is_active'),
            ('loyalty_programs', 'integer[]', 'warning_days'),
            (
                'loyalty_cards', 'integer',
                'id program_id merchant_id customer_id enrolled_at_store_id points_balance '
                || 'stamp_count total_points_earned total_points_redeemed total_points_voided'
            ),
            ('loyalty_cards', 'text', 'card_number'),
            ('loyalty_cards', 'boolean', 'is_active'),
            (
                'loyalty_cards', 'timestamptz',
                'last_activity_at last_expiration_warning_at created_at'
            ),
            (
                'loyalty_transactions', 'integer',
                'id card_id merchant_id store_id points_delta points_balance_after stamps_delta '
                || 'stamps_balance_after'
            ),
            ('loyalty_transactions', 'text', 'transaction_type notes'),
            ('loyalty_transactions', 'timestamptz', 'transaction_at'),
            ('email_templates', 'text', 'code language subject body_html body_text'),
            ('email_templates', 'jsonb', 'variables'),
            ('store_email_templates', 'integer', 'store_id'),
            (
                'store_email_templates', 'text',
                'template_code language subject body_html body_text'
            ),
            ('store_email_templates', 'boolean', 'is_active'),
            (
                'email_logs', 'integer',
                'id card_id customer_id merchant_id store_id attempts run_id sender_id '
                || 'ambiguous_times'
            ),
            (
                'email_logs', 'text',
                'template_code language occurrence_key recipient_email status message_id '
                || 'error_message'
            ),
            ('email_logs', 'jsonb', 'variables'),
            ('email_logs', 'timestamptz', 'next_attempt_at queued_at sent_at')
        ) as wanted (table_name, family, column_names)
),

present as (
    select
        columns.table_name,
        columns.column_name,
        case
            when columns.udt_name in ('int2', 'int4', 'int8') then 'integer'
            when columns.udt_name in ('_int2', '_int4', '_int8') then 'integer[]'
            when columns.udt_name in ('text', 'varchar', 'bpchar', 'citext') then 'text'
            when columns.udt_name = 'bool' then 'boolean'
            else columns.udt_name
        end as family
    from information_schema.columns as columns
    where columns.table_schema = 'loyalty'
)

select
    expected.table_name || '.' || expected.column_name as column_name,
    expected.family as expected_type,
    coalesce(present.family, 'missing') as found_type
from expected
left join present
    on
        expected.table_name = present.table_name
        and expected.column_name = present.column_name
where present.family is distinct from expected.family
order by expected.table_name, expected.column_name
