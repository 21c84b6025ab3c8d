
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Profiles of new members, as JSON and as forms: what is taken, under which
 * name the rest is refused, and that hostile names do no harm.
 */


#include "unit.h"

#include "ngx_http_wix_auth_registration.h"


#define MISSING  "This is missing."
#define UNKNOWN  "There is no such field."
#define TEXT     "This must be a text."
#define LIST     "This must be a list."
#define OBJECT   "This must be an object."
#define NUMBER   "This must be a number."
#define BOOLEAN  "This must be true or false."
#define CONTROL  "This must not hold control characters."
#define LONG     "This must be no longer than 512 bytes."
#define DATE     "This must be a date, as 1990-02-28."
#define MANY     "There are more than 50 entries."
#define BEYOND   "A list has at most 50 entries, counted from 0."
#define BOTH     "This contradicts another field."
#define DEEP     "This is nested too deeply."
#define ONE      "This must hold exactly one value."
#define UTF8     "This must be UTF-8."


static char  result[65536];


/* the tree as JSON, "-" for none, or "name: sentence|..." */

static char *
told(ngx_int_t rc, ngx_array_t *fields, ngx_http_wix_auth_json_t *tree)
{
    char                             *p;
    ngx_str_t                         out;
    ngx_uint_t                        i;
    ngx_http_wix_auth_pair_t         *field;
    ngx_http_wix_auth_json_writer_t  *w;

    p = result;
    *p = '\0';

    if (rc == NGX_DECLINED) {
        field = fields->elts;

        for (i = 0; i < fields->nelts; i++) {
            p += sprintf(p, "%s%.*s: %.*s", i ? "|" : "",
                         (int) field[i].name.len, field[i].name.data,
                         (int) field[i].value.len, field[i].value.data);
        }

        return (tree == NULL && fields->nelts) ? result : "refused, but why";
    }

    if (rc != NGX_OK || fields->nelts) {
        return "error";
    }

    if (tree == NULL) {
        return "-";
    }

    w = ngx_http_wix_auth_json_begin(pool);
    ngx_http_wix_auth_json_put_tree(w, NULL, tree);

    if (ngx_http_wix_auth_json_finish(w, &out) != NGX_OK) {
        return "cannot be written";
    }

    sprintf(p, "%.*s", (int) out.len, out.data);

    return result;
}


static ngx_array_t *
none(void)
{
    return ngx_array_create(pool, 2, sizeof(ngx_http_wix_auth_pair_t));
}


static char *
json(const char *document)
{
    ngx_int_t                  rc;
    ngx_str_t                  in;
    const char                *err;
    ngx_array_t               *fields;
    ngx_http_wix_auth_json_t  *root, *tree;

    in = text(document);

    if (ngx_http_wix_auth_json_parse(pool, &in, &root, &err) != NGX_OK) {
        return "no JSON";
    }

    fields = none();
    rc = ngx_http_wix_auth_registration_json(pool, root, fields, &tree);

    return told(rc, fields, tree);
}


static char *
form(const char *body)
{
    ngx_int_t                  rc;
    ngx_str_t                  in;
    const char                *err;
    ngx_array_t               *pairs, *fields;
    ngx_http_wix_auth_json_t  *tree;

    in = text(body);

    if (ngx_http_wix_auth_form_parse(pool, &in, 128, &pairs, &err) != NGX_OK)
    {
        return "no form";
    }

    fields = none();
    rc = ngx_http_wix_auth_registration_form(pool, pairs, fields, &tree);

    return told(rc, fields, tree);
}


static void
is(const char *got, const char *expected, const char *what)
{
    ok(strcmp(got, expected) == 0, "registration: %s", what);

    if (strcmp(got, expected) != 0) {
        printf("# got      %s\n# expected %s\n", got, expected);
    }
}


void
test_registration_json(void)
{
    size_t                     i;
    ngx_int_t                  rc;
    ngx_array_t               *fields;
    ngx_http_wix_auth_json_t  *tree;

    static const char  *good[] = {
        "{\"firstName\":\"Ann\",\"lastName\":\"\",\"nickname\":\"a\","
        "\"picture\":\"https://x.example/p.png\",\"language\":\"de\","
        "\"company\":\"c\",\"position\":\"p\",\"slug\":\"s\","
        "\"vatId\":\"v\"}",
        "{\"labels\":[\"one\",\"two\"],\"privacyStatus\":\"UNDEFINED\"}",
        "{\"privacyStatus\":\"PRIVATE\",\"birthdate\":\"2000-02-29\"}",
        "{\"birthdate\":\"0001-01-01\"}", "{\"birthdate\":\"9999-12-31\"}",
        "{\"secondaryEmails\":[{\"email\":\"a@b.c\",\"tag\":\"MAIN\"},"
        "{\"email\":\"d@e.f\"}]}",
        "{\"phonesV2\":[{\"countryCode\":\"US\",\"phone\":\"1\","
        "\"tag\":\"FAX\"},{\"tag\":\"UNTAGGED\",\"phone\":\"2\"}]}",
        "{\"addresses\":[{\"address\":{\"country\":\"DE\","
        "\"streetAddress\":{\"name\":\"a\",\"number\":\"1\"},"
        "\"addressLine2\":\"x\"},\"tag\":\"SHIPPING\"}]}",
        "{\"addresses\":[{\"address\":{}}]}",
        "{\"customFields\":[{\"name\":\"a\",\"value\":{\"strValue\":\"\"}},"
        "{\"name\":\"b\",\"value\":{\"numValue\":-1.5e+10}},"
        "{\"name\":\"c\",\"value\":{\"boolValue\":false}},"
        "{\"name\":\"d\",\"value\":{\"dateValue\":\"2024-01-01\"}},"
        "{\"name\":\"e\",\"value\":{\"dateValue\":"
        "\"2024-01-01T00:00:00.000Z\"}},"
        "{\"name\":\"f\",\"value\":{\"listValue\":{\"value\":"
        "[{\"strValue\":\"x\"},{\"numValue\":0}]}}},"
        "{\"name\":\"g\",\"value\":{\"mapValue\":{\"value\":"
        "{\"any name\":{\"boolValue\":true}}}}}]}",
        "{\"labels\":[]}",
        "{\"firstName\":\"\xc3\x84nne \xf0\x9f\x98\x80 \xe2\x82\xac\"}"
    };

    for (i = 0; i < nelems(good); i++) {
        is(json(good[i]), good[i], good[i]);
    }

    is(json("{}"), "-", "an empty profile is none");

    fields = none();
    tree = (void *) fields;
    rc = ngx_http_wix_auth_registration_json(pool, NULL, fields, &tree);
    is(told(rc, fields, tree), "-", "no profile");
}


void
test_registration_form(void)
{
    size_t  i;

    static struct {
        const char  *in;
        const char  *out;
    } t[] = {
        { "", "-" },
        { "email=a&password=b&profiles=c&profilefirstName=d", "-" },
        { "profile.firstName=", "-" },
        { "profile.phonesV2[0].phone=&profile.labels[3]=", "-" },
        { "profile.firstName=Ann+B&x=y", "{\"firstName\":\"Ann B\"}" },
        { "profile.labels[1]=b&profile.labels[0]=a",
          "{\"labels\":[\"a\",\"b\"]}" },
        { "profile.labels[49]=z&profile.labels[7]=b&profile.labels[10]=c",
          "{\"labels\":[\"b\",\"c\",\"z\"]}" },
        { "profile.phonesV2[0].phone=1&profile.phonesV2[0].tag=HOME"
          "&profile.phonesV2[2].phone=2",
          "{\"phonesV2\":[{\"phone\":\"1\",\"tag\":\"HOME\"},"
          "{\"phone\":\"2\"}]}" },

        /* nobody has filled these in */
        { "profile.phonesV2[0].phone=&profile.phonesV2[0].tag=HOME"
          "&profile.phonesV2[0].countryCode=US&profile.phonesV2[1].phone=2",
          "{\"phonesV2\":[{\"phone\":\"2\"}]}" },
        { "profile.addresses[0].tag=HOME&profile.addresses[1].tag=WORK", "-" },
        { "profile.secondaryEmails[0].tag=HOME&profile.slug=s",
          "{\"slug\":\"s\"}" },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.strValue=", "-" },

        { "profile.addresses[0].address.city=Ulm"
          "&profile.addresses[0].address.streetAddress.name=x"
          "&profile.addresses[0].tag=MAIN",
          "{\"addresses\":[{\"address\":{\"city\":\"Ulm\","
          "\"streetAddress\":{\"name\":\"x\"}},\"tag\":\"MAIN\"}]}" },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.numValue=-12.50",
          "{\"customFields\":[{\"name\":\"a\","
          "\"value\":{\"numValue\":-12.50}}]}" },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.boolValue=true"
          "&profile.customFields[1].name=b"
          "&profile.customFields[1].value.boolValue=false",
          "{\"customFields\":[{\"name\":\"a\","
          "\"value\":{\"boolValue\":true}},{\"name\":\"b\","
          "\"value\":{\"boolValue\":false}}]}" },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.strValue=true",
          "{\"customFields\":[{\"name\":\"a\","
          "\"value\":{\"strValue\":\"true\"}}]}" },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.listValue.value[1].numValue=2"
          "&profile.customFields[0].value.listValue.value[0].strValue=x",
          "{\"customFields\":[{\"name\":\"a\",\"value\":{\"listValue\":"
          "{\"value\":[{\"strValue\":\"x\"},{\"numValue\":2}]}}}]}" }
    };

    for (i = 0; i < nelems(t); i++) {
        is(form(t[i].in), t[i].out, t[i].in);
    }
}


void
test_registration_refused(void)
{
    size_t  i;

    static struct {
        const char  *in;
        const char  *out;
    } t[] = {
        { "[]", "profile: " OBJECT }, { "\"x\"", "profile: " OBJECT },
        { "null", "profile: " OBJECT }, { "1", "profile: " OBJECT },
        { "{\"nonsense\":1}", "profile.nonsense: " UNKNOWN },
        { "{\"FirstName\":\"x\"}", "profile.FirstName: " UNKNOWN },
        { "{\"emails\":[\"a@b.c\"]}", "profile.emails: " UNKNOWN },
        { "{\"phones\":[\"1\"]}", "profile.phones: " UNKNOWN },
        { "{\"subscription\":{}}", "profile.subscription: " UNKNOWN },
        { "{\"\":1}", "profile.: " UNKNOWN },
        { "{\"firstName\":1}", "profile.firstName: " TEXT },
        { "{\"firstName\":null}", "profile.firstName: " TEXT },
        { "{\"firstName\":{\"a\":\"b\"}}", "profile.firstName: " TEXT },
        { "{\"firstName\":[\"a\"],\"slug\":true}",
          "profile.firstName: " TEXT "|profile.slug: " TEXT },
        { "{\"firstName\":\"a\\nb\"}", "profile.firstName: " CONTROL },
        { "{\"firstName\":\"a\\tb\"}", "profile.firstName: " CONTROL },
        { "{\"firstName\":\"a\\u0000b\"}", "profile.firstName: " CONTROL },
        { "{\"firstName\":\"a\\u007f\"}", "profile.firstName: " CONTROL },
        { "{\"firstName\":\"a\\u0085\"}", "profile.firstName: " CONTROL },
        { "{\"language\":\"123456789012345678901\"}",
          "profile.language: This must be no longer than 20 bytes." },
        { "{\"privacyStatus\":\"MAYBE\"}", "profile.privacyStatus: "
          "This must be one of UNDEFINED, PUBLIC, PRIVATE." },
        { "{\"privacyStatus\":\"\"}", "profile.privacyStatus: "
          "This must be one of UNDEFINED, PUBLIC, PRIVATE." },
        { "{\"privacyStatus\":\"PUBLIC, PRIVATE\"}", "profile.privacyStatus: "
          "This must be one of UNDEFINED, PUBLIC, PRIVATE." },
        { "{\"privacyStatus\":\"public\"}", "profile.privacyStatus: "
          "This must be one of UNDEFINED, PUBLIC, PRIVATE." },
        { "{\"privacyStatus\":1}", "profile.privacyStatus: "
          "This must be one of UNDEFINED, PUBLIC, PRIVATE." },
        { "{\"birthdate\":\"1900-02-29\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2001-02-29\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2000-04-31\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2000-13-01\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2000-00-01\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2000-01-00\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"0000-01-01\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2000-1-1\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2000-01-1x\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2000/01/01\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"2000-01-01T\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":\"\"}", "profile.birthdate: " DATE },
        { "{\"birthdate\":20000101}", "profile.birthdate: " DATE },
        { "{\"labels\":\"x\"}", "profile.labels: " LIST },
        { "{\"labels\":{\"0\":\"x\"}}", "profile.labels: " LIST },
        { "{\"labels\":[\"x\",[\"y\"]]}", "profile.labels[1]: " TEXT },
        { "{\"phonesV2\":[{\"phone\":\"1\",\"tag\":\"SHIPPING\"}]}",
          "profile.phonesV2[0].tag: This must be one of UNTAGGED, MAIN, "
          "HOME, WORK, MOBILE, FAX." },
        { "{\"secondaryEmails\":[{\"email\":\"a@b\",\"tag\":\"FAX\"}]}",
          "profile.secondaryEmails[0].tag: This must be one of UNTAGGED, "
          "MAIN, HOME, WORK." },
        { "{\"addresses\":[{\"address\":{},\"tag\":\"FAX\"}]}",
          "profile.addresses[0].tag: This must be one of UNTAGGED, MAIN, "
          "HOME, WORK, BILLING, SHIPPING." },
        { "{\"phonesV2\":[\"1\"]}", "profile.phonesV2[0]: " OBJECT },
        { "{\"phonesV2\":[{\"phone\":\"1\"},{\"tag\":\"HOME\"}]}",
          "profile.phonesV2[1].phone: " MISSING },
        { "{\"phonesV2\":[{\"phone\":\"1\",\"id\":\"x\"}]}",
          "profile.phonesV2[0].id: " UNKNOWN },
        { "{\"secondaryEmails\":[{}]}",
          "profile.secondaryEmails[0].email: " MISSING },
        { "{\"addresses\":[{\"tag\":\"HOME\"}]}",
          "profile.addresses[0].address: " MISSING },
        { "{\"addresses\":[{\"address\":\"x\"}]}",
          "profile.addresses[0].address: " OBJECT },
        { "{\"addresses\":[{\"address\":{\"geo\":{\"lat\":\"1\"}}}]}",
          "profile.addresses[0].address.geo: " TEXT },
        { "{\"addresses\":[{\"address\":{\"a-b\":\"1\"}}]}",
          "profile.addresses[0].address.a-b: " UNKNOWN },
        { "{\"addresses\":[{\"address\":{\"__proto__\":\"1\"}}]}",
          "profile.addresses[0].address.__proto__: " UNKNOWN },
        { "{\"addresses\":[{\"address\":{\"streetAddress\":\"x\"}}]}",
          "profile.addresses[0].address.streetAddress: " OBJECT },
        { "{\"addresses\":[{\"address\":{\"streetAddress\":{\"apt\":1}}}]}",
          "profile.addresses[0].address.streetAddress.apt: " TEXT },
        { "{\"customFields\":{\"a\":\"b\"}}", "profile.customFields: " LIST },
        { "{\"customFields\":[{}]}",
          "profile.customFields[0].name: " MISSING
          "|profile.customFields[0].value: " MISSING },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":{}}]}",
          "profile.customFields[0].value: " ONE },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":"
          "{\"strValue\":\"x\",\"numValue\":1}}]}",
          "profile.customFields[0].value: " ONE },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":\"x\"}]}",
          "profile.customFields[0].value: " OBJECT },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":{\"x\":1}}]}",
          "profile.customFields[0].value.x: " UNKNOWN },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":"
          "{\"numValue\":\"1\"}}]}",
          "profile.customFields[0].value.numValue: " NUMBER },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":"
          "{\"boolValue\":\"true\"}}]}",
          "profile.customFields[0].value.boolValue: " BOOLEAN },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":"
          "{\"dateValue\":\"2024-01-01 00:00\"}}]}",
          "profile.customFields[0].value.dateValue: This must be a date, "
          "as 1990-02-28 or 1990-02-28T12:00:00Z." },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":{\"listValue\":"
          "{\"value\":{}}}}]}",
          "profile.customFields[0].value.listValue.value: " LIST },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":{\"mapValue\":"
          "{\"value\":{\"\":{\"strValue\":\"\"}}}}}]}",
          "profile.customFields[0].value.mapValue.value.: " UNKNOWN },
        { "{\"customFields\":[{\"name\":\"a\",\"value\":{\"mapValue\":{}}}]}",
          "profile.customFields[0].value.mapValue.value: " MISSING }
    };

    for (i = 0; i < nelems(t); i++) {
        is(json(t[i].in), t[i].out, t[i].in);
    }
}


void
test_registration_form_refused(void)
{
    size_t  i;

    static struct {
        const char  *in;
        const char  *out;
    } t[] = {
        { "profile=x", "profile: " UNKNOWN },
        { "profile.=x", "profile.: " UNKNOWN },
        { "profile[0]=x", "profile[0]: " UNKNOWN },
        { "profile[0].firstName=x", "profile[0].firstName: " UNKNOWN },
        { "profile..firstName=x", "profile..firstName: " UNKNOWN },
        { "profile.nonsense=x", "profile.nonsense: " UNKNOWN },
        { "profile.emails[0]=x", "profile.emails: " UNKNOWN },
        { "profile.firstName.x=y", "profile.firstName: " TEXT },
        { "profile.firstName[0]=y", "profile.firstName: " TEXT },
        { "profile.labels=y", "profile.labels: " LIST },
        { "profile.labels.x=y", "profile.labels: " LIST },
        { "profile.labels[0][1]=y", "profile.labels[0]: " TEXT },
        { "profile.labels[0]x=y", "profile.labels[0]x: " UNKNOWN },
        { "profile.labels[=y", "profile.labels[: " UNKNOWN },
        { "profile.labels[]=y", "profile.labels[]: " UNKNOWN },
        { "profile.labels[0=y", "profile.labels[0: " UNKNOWN },
        { "profile.labels[00]=y", "profile.labels[00]: " UNKNOWN },
        { "profile.labels[-1]=y", "profile.labels[-1]: " UNKNOWN },
        { "profile.labels[%2b1]=y", "profile.labels[+1]: " UNKNOWN },
        { "profile.labels[0x1]=y", "profile.labels[0x1]: " UNKNOWN },
        { "profile.labels[50]=y", "profile.labels[50]: " BEYOND },
        { "profile.phonesV2[99999999999].x=y",
          "profile.phonesV2[99999999999].x: " BEYOND },
        { "profile.phonesV2[18446744073709551616].phone=y",
          "profile.phonesV2[18446744073709551616].phone: " BEYOND },
        { "profile.labels[0]=a&profile.labels=b",
          "profile.labels: " BOTH },
        { "profile.labels[0]=a&profile.labels[0][0]=b",
          "profile.labels[0][0]: " BOTH },
        { "profile.firstName.x=a&profile.firstName=b",
          "profile.firstName: " BOTH "|profile.firstName: " TEXT },
        { "profile.labels[0]=a&profile.labels.b=c",
          "profile.labels.b: " BOTH },
        { "profile.firstName=a%0ab", "profile.firstName: " CONTROL },
        { "profile.firstName=a%09b", "profile.firstName: " CONTROL },
        { "profile.firstName=%c2%85", "profile.firstName: " CONTROL },
        { "profile.firstName=%ff", "profile.firstName: " UTF8 },
        { "profile.firstName=%c3", "profile.firstName: " UTF8 },
        { "profile.firstName=%c0%80", "profile.firstName: " UTF8 },
        { "profile.firstName=%e0%80%80", "profile.firstName: " UTF8 },
        { "profile.firstName=%ed%a0%80", "profile.firstName: " UTF8 },
        { "profile.firstName=%f4%90%80%80", "profile.firstName: " UTF8 },
        { "profile.firstName=%e2%82x", "profile.firstName: " UTF8 },

        /* an entry keeps the index that the form gave it */
        { "profile.phonesV2[4].phone=1&profile.phonesV2[4].tag=X",
          "profile.phonesV2[4].tag: This must be one of UNTAGGED, MAIN, "
          "HOME, WORK, MOBILE, FAX." },
        { "profile.phonesV2[4].tag=X",
          "profile.phonesV2[4].tag: This must be one of UNTAGGED, MAIN, "
          "HOME, WORK, MOBILE, FAX." },
        { "profile.customFields[7].value.numValue=1",
          "profile.customFields[7].name: " MISSING },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.numValue=0x1",
          "profile.customFields[0].value.numValue: " NUMBER },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.numValue=01",
          "profile.customFields[0].value.numValue: " NUMBER },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.numValue=1.",
          "profile.customFields[0].value.numValue: " NUMBER },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.numValue=1e",
          "profile.customFields[0].value.numValue: " NUMBER },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.numValue=-",
          "profile.customFields[0].value.numValue: " NUMBER },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.numValue=NaN",
          "profile.customFields[0].value.numValue: " NUMBER },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.boolValue=1",
          "profile.customFields[0].value.boolValue: " BOOLEAN },
        { "profile.customFields[0].name=a"
          "&profile.customFields[0].value.strValue=x"
          "&profile.customFields[0].value.numValue=1",
          "profile.customFields[0].value: " ONE }
    };

    for (i = 0; i < nelems(t); i++) {
        is(form(t[i].in), t[i].out, t[i].in);
    }
}


void
test_registration_hostile(void)
{
    char    *p, name[300], body[8192];
    size_t   i;

    is(form("profile.__proto__=x"), "profile.__proto__: " UNKNOWN,
       "__proto__ in a form");
    is(json("{\"__proto__\":{\"x\":1}}"), "profile.__proto__: " UNKNOWN,
       "__proto__ in JSON");
    is(form("profile.constructor.prototype=x"),
       "profile.constructor: " UNKNOWN, "a constructor");
    is(form("profile.%3Cb%3E%22%0d%0a%c3%a4=x"),
       "profile.<b>\"????: " UNKNOWN, "a name that is no name");
    is(form("profile.a%20b=x"), "profile.a?b: " UNKNOWN, "a blank in a name");
    is(json("{\"\xc3\xa4\\n\\u0000z\":1}"), "profile.????z: " UNKNOWN,
       "a name of JSON is told in ASCII");

    /* deep nesting, by names and by values */

    p = body + sprintf(body, "profile");

    for (i = 0; i < 400; i++) {
        p += sprintf(p, ".a");
    }

    sprintf(p, "=x");

    memcpy(name, body, 256);
    strcpy(name + 256, ": " UNKNOWN);
    is(form(body), name, "400 keys in a name");

    p = body + sprintf(body, "profile.labels");

    for (i = 0; i < 400; i++) {
        p += sprintf(p, "[0]");
    }

    sprintf(p, "=x");

    memcpy(name, body, 256);
    strcpy(name + 256, ": " UNKNOWN);
    is(form(body), name, "400 indexes in a name");

    p = body + sprintf(body, "{\"customFields\":[{\"name\":\"a\",\"value\":");

    for (i = 0; i < 4; i++) {
        p += sprintf(p, "{\"listValue\":{\"value\":[");
    }

    p += sprintf(p, "{\"strValue\":\"x\"}");

    for (i = 0; i < 4; i++) {
        p += sprintf(p, "]}}");
    }

    sprintf(p, "}]}");

    is(json(body), "profile.customFields[0].value.listValue.value[0]"
       ".listValue.value[0].listValue.value[0].listValue.value[0]: " DEEP,
       "custom values in custom values");

    /* a name of one key that is too long */

    p = body + sprintf(body, "profile.");
    memset(p, 'a', 65);
    strcpy(p + 65, "=x");
    sprintf(name, "profile.%.65s: " UNKNOWN, p);
    is(form(body), name, "65 bytes of a key");
}


/* {"name":["x",...]} or {"name":"xxx..."} */

static char *
filled(const char *name, size_t n, ngx_uint_t list)
{
    char    *p;
    size_t   i;

    static char  document[65536];

    p = document + sprintf(document, "{\"%s\":%c", name, list ? '[' : '"');

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s", list ? (i ? ",\"x\"" : "\"x\"") : "x");
    }

    sprintf(p, "%c}", list ? ']' : '"');

    return document;
}


void
test_registration_limits(void)
{
    char        *p, body[16384];
    size_t       i;
    ngx_uint_t   n;

    p = filled("firstName", 512, 0);
    is(json(p), p, "512 bytes of a name");
    is(json(filled("firstName", 513, 0)), "profile.firstName: " LONG,
       "513 bytes of a name");

    p = filled("picture", 2048, 0);
    is(json(p), p, "2048 bytes of a picture");
    is(json(filled("picture", 2049, 0)),
       "profile.picture: This must be no longer than 2048 bytes.",
       "2049 bytes of a picture");

    p = filled("labels", 50, 1);
    is(json(p), p, "50 labels");
    is(json(filled("labels", 51, 1)), "profile.labels: " MANY, "51 labels");

    p = filled("language", 20, 0);
    is(json(p), p, "20 bytes of a language");

    is(json("{\"customFields\":[{\"name\":\"a\",\"value\":{\"numValue\":"
            "12345678901234567890123456789012}}]}"),
       "{\"customFields\":[{\"name\":\"a\",\"value\":{\"numValue\":"
       "12345678901234567890123456789012}}]}", "32 digits");
    is(json("{\"customFields\":[{\"name\":\"a\",\"value\":{\"numValue\":"
            "123456789012345678901234567890123}}]}"),
       "profile.customFields[0].value.numValue: " NUMBER, "33 digits");

    /* the answer stays small, however much is wrong */

    p = body + sprintf(body, "{\"a\":1");

    for (i = 0; i < 500; i++) {
        p += sprintf(p, ",\"a%u\":1", (unsigned) i);
    }

    sprintf(p, "}");

    for (n = 1, p = json(body); *p; p++) {
        n += (*p == '|');
    }

    ok(n == 50, "registration: 50 of 501 faults are told");
}


/* every allocation may fail, and none is missed */

void
test_registration_memory(void)
{
    ngx_int_t                  rc, i;
    ngx_str_t                  in;
    const char                *err;
    ngx_array_t               *pairs, *fields;
    ngx_http_wix_auth_json_t  *tree;

    in = text("profile.labels[0]=a&profile.phonesV2[1].tag=X&profile.b=c");
    (void) ngx_http_wix_auth_form_parse(pool, &in, 128, &pairs, &err);

    for (i = 0; i < 64; i++) {
        fields = ngx_array_create(pool, 1, sizeof(ngx_http_wix_auth_pair_t));

        stub_allocations = i;
        rc = ngx_http_wix_auth_registration_form(pool, pairs, fields, &tree);
        stub_allocations = -1;

        if (rc != NGX_ERROR) {
            break;
        }
    }

    ok(rc == NGX_DECLINED && i > 6 && fields->nelts == 2,
       "registration: no memory is an error, %d times", (int) i);
}
