-- Questions to kehu.exposure_movements, with ClickHouse's parameters {company:String} and {day:Date}: the same figures as
-- GET /api/analytics/balance and /api/analytics/ageing. `final`: what was published twice counts once. Amounts are in
-- the account's currency and never added across currencies.

-- balance: what is owed at the end of a day, and what was paid and is not allocated yet
select currency,
    sumIf(amount, category = 'open_invoices') as open_invoices,
    -sumIf(amount, category = 'unallocated_cash') as unallocated,
    open_invoices + unallocated as outstanding
from kehu.exposure_movements final
where company = {company:String} and category in ('open_invoices', 'unallocated_cash') and effective <= {day:Date}
group by currency order by currency;

-- ageing: the same by days overdue; what is due that day is not overdue
select currency,
    multiIf(category = 'unallocated_cash', 'unallocated', due >= {day:Date}, 'current',
        {day:Date} - due <= 30, '1-30', {day:Date} - due <= 60, '31-60', {day:Date} - due <= 90, '61-90',
        {day:Date} - due <= 120, '91-120', '>120') as bucket,
    sum(if(category = 'unallocated_cash', -amount, amount)) as amount
from kehu.exposure_movements final
where company = {company:String} and category in ('open_invoices', 'unallocated_cash') and effective <= {day:Date}
group by currency, bucket having amount != 0 order by currency, bucket;

-- customers: who owes most
select currency, customer, sum(if(category = 'unallocated_cash', -amount, amount)) as outstanding
from kehu.exposure_movements final
where company = {company:String} and category in ('open_invoices', 'unallocated_cash') and effective <= {day:Date}
group by currency, customer having outstanding > 0 order by currency, outstanding desc, customer limit 20 by currency;
