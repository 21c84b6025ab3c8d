
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_shape.h"


#define NGX_HTTP_WIX_AUTH_REG_SEGMENTS  12     /* keys and indexes of a name */
#define NGX_HTTP_WIX_AUTH_REG_MOMENT    40     /* bytes of a date and time */
#define NGX_HTTP_WIX_AUTH_REG_PICTURE   2048
#define NGX_HTTP_WIX_AUTH_REG_LANGUAGE  20


/* a key of a name in a form, or with a name of len 0 an index */

typedef struct {
    ngx_str_t    name;
    ngx_uint_t   index;
} ngx_http_wix_auth_segment_t;


static void ngx_http_wix_auth_registration_init(ngx_http_wix_auth_reg_t *reg,
    ngx_pool_t *pool, ngx_array_t *fields, ngx_uint_t form);
static ngx_int_t ngx_http_wix_auth_registration_judge(
    ngx_http_wix_auth_reg_t *reg, ngx_http_wix_auth_json_t *root,
    ngx_http_wix_auth_json_t **tree);
static ngx_uint_t ngx_http_wix_auth_registration_ours(ngx_str_t *name);
static void ngx_http_wix_auth_registration_insert(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *root, ngx_http_wix_auth_pair_t *pair);
static ngx_uint_t ngx_http_wix_auth_registration_split(
    ngx_http_wix_auth_reg_t *reg, ngx_str_t *name,
    ngx_http_wix_auth_segment_t *segments);
static u_char *ngx_http_wix_auth_registration_index(u_char *p, u_char *last,
    ngx_uint_t *index);
static ngx_http_wix_auth_json_t *ngx_http_wix_auth_registration_step(
    ngx_http_wix_auth_reg_t *reg, ngx_http_wix_auth_json_t *node,
    ngx_http_wix_auth_segment_t *segment);


#define ngx_http_wix_auth_reg_text(name, max)                                 \
    { ngx_string(name), ngx_http_wix_auth_shape_text, max, NULL, NULL, 0, 0 }

#define ngx_http_wix_auth_reg_needed(name)                                    \
    { ngx_string(name), ngx_http_wix_auth_shape_text,                         \
      NGX_HTTP_WIX_AUTH_REG_TEXT, NULL, NULL, 1, 0 }

#define ngx_http_wix_auth_reg_tag(values)                                     \
    { ngx_string("tag"), ngx_http_wix_auth_shape_choice, 0, values, NULL,     \
      0, 1 }

#define ngx_http_wix_auth_reg_list(name, entry)                               \
    { ngx_string(name), ngx_http_wix_auth_shape_list, 0, NULL, entry, 0, 0 }

#define ngx_http_wix_auth_reg_object(name, members, needed)                   \
    { ngx_string(name), ngx_http_wix_auth_shape_object, 0, NULL, members,     \
      needed, 0 }

#define ngx_http_wix_auth_reg_end                                             \
    { ngx_null_string, NULL, 0, NULL, NULL, 0, 0 }


static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_label =
    ngx_http_wix_auth_reg_text("", NGX_HTTP_WIX_AUTH_REG_TEXT);


static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_email_members[] = {
    ngx_http_wix_auth_reg_needed("email"),
    ngx_http_wix_auth_reg_tag("UNTAGGED, MAIN, HOME, WORK"),
    ngx_http_wix_auth_reg_end
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_email =
    ngx_http_wix_auth_reg_object("", ngx_http_wix_auth_reg_email_members, 0);


static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_phone_members[] = {
    ngx_http_wix_auth_reg_needed("phone"),
    { ngx_string("countryCode"), ngx_http_wix_auth_shape_text,
      NGX_HTTP_WIX_AUTH_REG_TEXT, NULL, NULL, 0, 1 },
    ngx_http_wix_auth_reg_tag("UNTAGGED, MAIN, HOME, WORK, MOBILE, FAX"),
    ngx_http_wix_auth_reg_end
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_phone =
    ngx_http_wix_auth_reg_object("", ngx_http_wix_auth_reg_phone_members, 0);


/* Wix may know more parts of an address than we do; all are texts but one */

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_street[] = {
    ngx_http_wix_auth_reg_text("", NGX_HTTP_WIX_AUTH_REG_TEXT)
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_place[] = {
    ngx_http_wix_auth_reg_object("streetAddress",
                                 ngx_http_wix_auth_reg_street, 0),
    ngx_http_wix_auth_reg_text("", NGX_HTTP_WIX_AUTH_REG_TEXT)
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_address_members[] = {
    ngx_http_wix_auth_reg_object("address", ngx_http_wix_auth_reg_place, 1),
    ngx_http_wix_auth_reg_tag("UNTAGGED, MAIN, HOME, WORK, BILLING, SHIPPING"),
    ngx_http_wix_auth_reg_end
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_address =
    ngx_http_wix_auth_reg_object("", ngx_http_wix_auth_reg_address_members, 0);


/* a custom value may be a list or a map of custom values */

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_kinds[7];

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_value = {
    ngx_null_string, ngx_http_wix_auth_shape_value, 0, NULL,
    ngx_http_wix_auth_reg_kinds, 0, 0
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_list_value[] = {
    { ngx_string("value"), ngx_http_wix_auth_shape_list, 0, NULL,
      &ngx_http_wix_auth_reg_value, 1, 0 },
    ngx_http_wix_auth_reg_end
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_map_value[] = {
    { ngx_string("value"), ngx_http_wix_auth_shape_map, 0, NULL,
      &ngx_http_wix_auth_reg_value, 1, 0 },
    ngx_http_wix_auth_reg_end
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_kinds[7] = {
    ngx_http_wix_auth_reg_text("strValue", NGX_HTTP_WIX_AUTH_REG_TEXT),
    { ngx_string("numValue"), ngx_http_wix_auth_shape_number, 0, NULL, NULL,
      0, 0 },
    { ngx_string("boolValue"), ngx_http_wix_auth_shape_bool, 0, NULL, NULL,
      0, 0 },
    { ngx_string("dateValue"), ngx_http_wix_auth_shape_moment,
      NGX_HTTP_WIX_AUTH_REG_MOMENT, NULL, NULL, 0, 0 },
    ngx_http_wix_auth_reg_object("listValue",
                                 ngx_http_wix_auth_reg_list_value, 0),
    ngx_http_wix_auth_reg_object("mapValue",
                                 ngx_http_wix_auth_reg_map_value, 0),
    ngx_http_wix_auth_reg_end
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_custom_members[] = {
    { ngx_string("name"), ngx_http_wix_auth_shape_text,
      NGX_HTTP_WIX_AUTH_REG_TEXT, NULL, NULL, 1, 1 },
    { ngx_string("value"), ngx_http_wix_auth_shape_value, 0, NULL,
      ngx_http_wix_auth_reg_kinds, 1, 0 },
    ngx_http_wix_auth_reg_end
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_custom =
    ngx_http_wix_auth_reg_object("", ngx_http_wix_auth_reg_custom_members, 0);


static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_members[] = {
    ngx_http_wix_auth_reg_text("firstName", NGX_HTTP_WIX_AUTH_REG_TEXT),
    ngx_http_wix_auth_reg_text("lastName", NGX_HTTP_WIX_AUTH_REG_TEXT),
    ngx_http_wix_auth_reg_text("nickname", NGX_HTTP_WIX_AUTH_REG_TEXT),
    ngx_http_wix_auth_reg_text("picture", NGX_HTTP_WIX_AUTH_REG_PICTURE),
    ngx_http_wix_auth_reg_text("language", NGX_HTTP_WIX_AUTH_REG_LANGUAGE),
    ngx_http_wix_auth_reg_text("company", NGX_HTTP_WIX_AUTH_REG_TEXT),
    ngx_http_wix_auth_reg_text("position", NGX_HTTP_WIX_AUTH_REG_TEXT),
    ngx_http_wix_auth_reg_text("slug", NGX_HTTP_WIX_AUTH_REG_TEXT),
    ngx_http_wix_auth_reg_text("vatId", NGX_HTTP_WIX_AUTH_REG_TEXT),
    { ngx_string("privacyStatus"), ngx_http_wix_auth_shape_choice, 0,
      "UNDEFINED, PUBLIC, PRIVATE", NULL, 0, 0 },
    { ngx_string("birthdate"), ngx_http_wix_auth_shape_date, 0, NULL, NULL,
      0, 0 },
    ngx_http_wix_auth_reg_list("labels", &ngx_http_wix_auth_reg_label),
    ngx_http_wix_auth_reg_list("secondaryEmails",
                               &ngx_http_wix_auth_reg_email),
    ngx_http_wix_auth_reg_list("phonesV2", &ngx_http_wix_auth_reg_phone),
    ngx_http_wix_auth_reg_list("addresses", &ngx_http_wix_auth_reg_address),
    ngx_http_wix_auth_reg_list("customFields", &ngx_http_wix_auth_reg_custom),
    ngx_http_wix_auth_reg_end
};

static ngx_http_wix_auth_shape_t  ngx_http_wix_auth_reg_profile =
    ngx_http_wix_auth_reg_object("profile", ngx_http_wix_auth_reg_members, 0);


ngx_int_t
ngx_http_wix_auth_registration_json(ngx_pool_t *pool,
    ngx_http_wix_auth_json_t *profile, ngx_array_t *fields,
    ngx_http_wix_auth_json_t **tree)
{
    ngx_http_wix_auth_reg_t  reg;

    *tree = NULL;

    if (profile == NULL) {
        return NGX_OK;
    }

    ngx_http_wix_auth_registration_init(&reg, pool, fields, 0);

    return ngx_http_wix_auth_registration_judge(&reg, profile, tree);
}


ngx_int_t
ngx_http_wix_auth_registration_form(ngx_pool_t *pool, ngx_array_t *pairs,
    ngx_array_t *fields, ngx_http_wix_auth_json_t **tree)
{
    ngx_uint_t                         i;
    ngx_http_wix_auth_json_t          *root;
    ngx_http_wix_auth_pair_t          *pair;
    ngx_http_wix_auth_reg_t   reg;

    *tree = NULL;

    root = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_json_t));
    if (root == NULL) {
        return NGX_ERROR;
    }

    root->type = NGX_HTTP_WIX_AUTH_JSON_OBJECT;

    ngx_http_wix_auth_registration_init(&reg, pool, fields, 1);

    pair = pairs->elts;

    for (i = 0; i < pairs->nelts; i++) {
        if (pair[i].value.len
            && ngx_http_wix_auth_registration_ours(&pair[i].name))
        {
            ngx_http_wix_auth_registration_insert(&reg, root, &pair[i]);
        }
    }

    return ngx_http_wix_auth_registration_judge(&reg, root, tree);
}


static void
ngx_http_wix_auth_registration_init(ngx_http_wix_auth_reg_t *reg,
    ngx_pool_t *pool, ngx_array_t *fields, ngx_uint_t form)
{
    ngx_memzero(reg, sizeof(ngx_http_wix_auth_reg_t));

    reg->pool = pool;
    reg->fields = fields;
    reg->form = form;
}


static ngx_int_t
ngx_http_wix_auth_registration_judge(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *root, ngx_http_wix_auth_json_t **tree)
{
    ngx_http_wix_auth_shape_t  *shape;

    shape = &ngx_http_wix_auth_reg_profile;

    reg->len = 0;

    (void) ngx_http_wix_auth_shape_enter(reg, &shape->name);
    shape->check(reg, root, shape);

    if (reg->failed) {
        return NGX_ERROR;
    }

    if (reg->faults) {
        return NGX_DECLINED;
    }

    *tree = root->child ? root : NULL;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wix_auth_registration_ours(ngx_str_t *name)
{
    ngx_str_t  *own;

    own = &ngx_http_wix_auth_reg_profile.name;

    if (name->len < own->len
        || ngx_strncmp(name->data, own->data, own->len) != 0)
    {
        return 0;
    }

    return name->len == own->len
           || name->data[own->len] == '.'
           || name->data[own->len] == '[';
}


/*
 * Puts a form's value at its place in the tree.  Entries of a list are kept
 * in the order of their indexes, which a hole moves up: their names keep the
 * index that the form gave, because that is the one to complain about.
 */

static void
ngx_http_wix_auth_registration_insert(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *root, ngx_http_wix_auth_pair_t *pair)
{
    ngx_uint_t                    i, n;
    ngx_http_wix_auth_json_t     *node;
    ngx_http_wix_auth_segment_t   segments[NGX_HTTP_WIX_AUTH_REG_SEGMENTS];

    reg->len = 0;
    ngx_http_wix_auth_shape_append(reg, pair->name.data,
                                          pair->name.len);

    n = ngx_http_wix_auth_registration_split(reg, &pair->name, segments);

    if (n == 0) {
        return;
    }

    node = root;

    for (i = 0; i < n; i++) {
        node = ngx_http_wix_auth_registration_step(reg, node, &segments[i]);

        if (node == NULL) {
            return;
        }
    }

    /* a node that somebody else has made, as a value or on his way */

    if (node->type != NGX_HTTP_WIX_AUTH_JSON_NULL) {
        ngx_http_wix_auth_shape_fault(reg, "This contradicts another field.",
                                      NULL);
        return;
    }

    node->type = NGX_HTTP_WIX_AUTH_JSON_STRING;
    node->text = pair->value;
}


/* ".phonesV2[0].tag", whose number of keys and indexes is returned; 0: no
   name that we know */

static ngx_uint_t
ngx_http_wix_auth_registration_split(ngx_http_wix_auth_reg_t *reg,
    ngx_str_t *name, ngx_http_wix_auth_segment_t *segments)
{
    u_char                       *p, *last;
    ngx_uint_t                    n;
    ngx_http_wix_auth_segment_t  *s;

    p = name->data + ngx_http_wix_auth_reg_profile.name.len;
    last = name->data + name->len;

    for (n = 0; p && p < last && n < NGX_HTTP_WIX_AUTH_REG_SEGMENTS; n++) {
        s = &segments[n];

        if (*p == '.') {
            p = ngx_http_wix_auth_shape_key(p + 1, last, &s->name);
            continue;
        }

        /* the profile itself is no list */

        if (*p != '[' || n == 0) {
            p = NULL;
            break;
        }

        ngx_str_null(&s->name);

        p = ngx_http_wix_auth_registration_index(p + 1, last, &s->index);

        if (p && s->index >= NGX_HTTP_WIX_AUTH_REG_LIST) {
            ngx_http_wix_auth_shape_fault(reg,
                               "A list has at most 50 entries, counted from 0.",
                               NULL);
            return 0;
        }
    }

    if (p == NULL || p < last || n == 0) {
        ngx_http_wix_auth_shape_fault(reg, "There is no such field.", NULL);
        return 0;
    }

    return n;
}


/* digits without a zero before them, and "]"; a number that is too large for
   a list is just that */

static u_char *
ngx_http_wix_auth_registration_index(u_char *p, u_char *last,
    ngx_uint_t *index)
{
    u_char  *start;

    *index = 0;
    start = p;

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {
        if (*index < NGX_HTTP_WIX_AUTH_REG_LIST) {
            *index = *index * 10 + (*p - '0');
        }
    }

    if (p == start || p == last || *p != ']'
        || (*start == '0' && p - start > 1))
    {
        return NULL;
    }

    return p + 1;
}


/* the child that a key or an index leads to, made if need be */

static ngx_http_wix_auth_json_t *
ngx_http_wix_auth_registration_step(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_segment_t *segment)
{
    ngx_http_wix_auth_json_t       *child, **link;
    ngx_http_wix_auth_json_type_e   type;

    type = segment->name.len ? NGX_HTTP_WIX_AUTH_JSON_OBJECT
                             : NGX_HTTP_WIX_AUTH_JSON_ARRAY;

    if (node->type == NGX_HTTP_WIX_AUTH_JSON_NULL) {
        node->type = type;

    } else if (node->type != type) {
        ngx_http_wix_auth_shape_fault(reg, "This contradicts another field.",
                                      NULL);
        return NULL;
    }

    for (link = &node->child; *link; link = &(*link)->next) {
        child = *link;

        if (segment->name.len == 0) {

            if (child->name.len == segment->index) {
                return child;
            }

            if (child->name.len > segment->index) {
                break;
            }

            continue;
        }

        if (child->name.len == segment->name.len
            && ngx_strncmp(child->name.data, segment->name.data,
                           segment->name.len)
               == 0)
        {
            return child;
        }
    }

    child = ngx_pcalloc(reg->pool, sizeof(ngx_http_wix_auth_json_t));
    if (child == NULL) {
        reg->failed = 1;
        return NULL;
    }

    child->name = segment->name;

    if (segment->name.len == 0) {
        child->name.len = segment->index;
    }

    child->next = *link;
    *link = child;

    return child;
}
