-- Databases and logins of a server, with the least each needs. Once, as a superuser; passwords are set apart from it.
-- kehu_writer and kehu_reader are the roles sessions take on (docs/decisions/0013). A service's processes may enter its own
-- database as kehu_<service>, and those of others as kehu_reads alone, who sees the log and nothing else. Tables belong to
-- kehu_<service>_owner, who migrates.
create role kehu_writer nologin;
create role kehu_reader nologin;
create role kehu_reads login in role kehu_reader;

create role kehu_customer_owner login in role kehu_writer, kehu_reader;
create role kehu_customer login in role kehu_writer, kehu_reader;
create database kehu_customer owner kehu_customer_owner template template0 encoding 'UTF8' locale 'C' locale_provider builtin builtin_locale 'C.UTF-8';
revoke connect, temporary on database kehu_customer from public;
grant connect on database kehu_customer to kehu_customer, kehu_reads;

create role kehu_credit_owner login in role kehu_writer, kehu_reader;
create role kehu_credit login in role kehu_writer, kehu_reader;
create database kehu_credit owner kehu_credit_owner template template0 encoding 'UTF8' locale 'C' locale_provider builtin builtin_locale 'C.UTF-8';
revoke connect, temporary on database kehu_credit from public;
grant connect on database kehu_credit to kehu_credit, kehu_reads;

create role kehu_complaint_owner login in role kehu_writer, kehu_reader;
create role kehu_complaint login in role kehu_writer, kehu_reader;
create database kehu_complaint owner kehu_complaint_owner template template0 encoding 'UTF8' locale 'C' locale_provider builtin builtin_locale 'C.UTF-8';
revoke connect, temporary on database kehu_complaint from public;
grant connect on database kehu_complaint to kehu_complaint, kehu_reads;

create role kehu_analytics_owner login in role kehu_writer, kehu_reader;
create role kehu_analytics login in role kehu_writer, kehu_reader;
create database kehu_analytics owner kehu_analytics_owner template template0 encoding 'UTF8' locale 'C' locale_provider builtin builtin_locale 'C.UTF-8';
revoke connect, temporary on database kehu_analytics from public;
grant connect on database kehu_analytics to kehu_analytics, kehu_reads;
