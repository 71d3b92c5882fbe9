-- The movements of every customer's exposure out of Kafka into ClickHouse: flat, one row a category or due date.
-- `credit.ExposureChanged` is the only event that moves totals, so sums over these rows are the totals, on every date.
-- Before you run it: replace KAFKA by the brokers' addresses. To fill it with what was published before the topic's
-- retention: kehu relay resend --from 0 (what is there already is told apart by its position).
create database if not exists kehu;

create table if not exists kehu.credit_events (event String)
engine = Kafka settings kafka_broker_list = 'KAFKA', kafka_topic_list = 'kehu.credit.events.v1',
    kafka_group_name = 'clickhouse', kafka_format = 'RawBLOB', kafka_max_block_size = 65536;

create table if not exists kehu.exposure_movements (
    company LowCardinality(String),
    customer String,
    document String,
    cause LowCardinality(String),
    category LowCardinality(String),
    amount Decimal(18, 4),
    currency LowCardinality(FixedString(3)),
    due Nullable(Date),
    effective Date,
    recorded DateTime64(6, 'UTC'),
    position UInt64,
    line UInt16
) engine = ReplacingMergeTree order by (company, customer, position, line);

-- A change by due date is told by `due`; it is the change of open_invoices, which is not told a second time.
create materialized view if not exists kehu.exposure_movements_in to kehu.exposure_movements as
with
    mapFromArrays(_headers.name, _headers.value) as said,
    JSONExtractArrayRaw(event, 'due') as dues,
    arrayFilter(c -> c.1 != 'open_invoices' or empty(dues), JSONExtractKeysAndValuesRaw(event, 'changes')) as changes,
    arrayConcat(
        arrayMap(c -> (c.1, JSONExtractString(c.2, 'amount'), JSONExtractString(c.2, 'currency'), ''), changes),
        arrayMap(d -> ('open_invoices', JSONExtractString(d, 'amount', 'amount'),
            JSONExtractString(d, 'amount', 'currency'), JSONExtractString(d, 'due')), dues)
    ) as lines
select
    said['ce_company'] as company,
    JSONExtractString(event, 'customer') as customer,
    JSONExtractString(event, 'document') as document,
    JSONExtractString(event, 'cause') as cause,
    lines[n].1 as category,
    toDecimal64(lines[n].2, 4) as amount,
    lines[n].3 as currency,
    toDateOrNull(lines[n].4) as due,
    toDate(said['ce_effectivedate']) as effective,
    parseDateTime64BestEffort(said['ce_recordedtime'], 6, 'UTC') as recorded,
    toUInt64(said['ce_sequence']) as position,
    n as line
from kehu.credit_events array join arrayEnumerate(lines) as n
where startsWith(said['ce_type'], 'credit.ExposureChanged.v');
