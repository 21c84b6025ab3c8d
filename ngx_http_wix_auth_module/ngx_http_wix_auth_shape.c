
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_shape.h"


static ngx_http_wix_auth_shape_t *ngx_http_wix_auth_shape_member(
    ngx_http_wix_auth_shape_t *shape, ngx_str_t *name);
static ngx_uint_t ngx_http_wix_auth_shape_idle(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);


void
ngx_http_wix_auth_shape_object(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    size_t                      len;
    ngx_uint_t                  seen;
    ngx_http_wix_auth_json_t   *child, **link;
    ngx_http_wix_auth_shape_t  *member;

    if (node->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
        ngx_http_wix_auth_shape_fault(reg, "This must be an object.", NULL);
        return;
    }

    seen = 0;

    for (link = &node->child; *link; /* void */ ) {
        child = *link;
        len = ngx_http_wix_auth_shape_enter(reg, &child->name);

        member = ngx_http_wix_auth_shape_member(shape, &child->name);

        if (member) {
            seen |= (ngx_uint_t) 1 << (member - shape->members);
            member->check(reg, child, member);

        } else {
            ngx_http_wix_auth_shape_fault(reg, "There is no such field.", NULL);
        }

        reg->len = len;

        if (reg->form && child->type == NGX_HTTP_WIX_AUTH_JSON_ARRAY
            && child->child == NULL)
        {
            /* none of its entries was filled in */
            *link = child->next;
            continue;
        }

        link = &child->next;
    }

    if (ngx_http_wix_auth_shape_idle(reg, node, shape)) {
        return;
    }

    for (member = shape->members; member->name.len; member++) {

        if (member->needed
            && !(seen & ((ngx_uint_t) 1 << (member - shape->members))))
        {
            len = ngx_http_wix_auth_shape_enter(reg, &member->name);
            ngx_http_wix_auth_shape_fault(reg, "This is missing.", NULL);
            reg->len = len;
        }
    }
}


/* NULL: there is no such member */

static ngx_http_wix_auth_shape_t *
ngx_http_wix_auth_shape_member(ngx_http_wix_auth_shape_t *shape,
    ngx_str_t *name)
{
    u_char                     *last;
    ngx_str_t                   key;
    ngx_http_wix_auth_shape_t  *member;

    for (member = shape->members; member->name.len; member++) {
        if (name->len == member->name.len
            && ngx_strncmp(name->data, member->name.data, name->len) == 0)
        {
            return member;
        }
    }

    last = name->data + name->len;

    if (member->check == NULL
        || name->len == 0
        || ngx_http_wix_auth_shape_key(name->data, last, &key) != last)
    {
        return NULL;
    }

    return member;
}


/*
 * A form sends what a menu or a hidden field has preset for an entry, even
 * when nobody has filled that entry in.
 */

static ngx_uint_t
ngx_http_wix_auth_shape_idle(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    ngx_http_wix_auth_json_t   *child;
    ngx_http_wix_auth_shape_t  *member;

    if (!reg->form || node->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
        return 0;
    }

    for (child = node->child; child; child = child->next) {
        member = ngx_http_wix_auth_shape_member(shape, &child->name);

        if (member == NULL || !member->idle) {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_wix_auth_shape_list(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    size_t                      len;
    ngx_uint_t                  n;
    ngx_http_wix_auth_json_t   *child, **link;
    ngx_http_wix_auth_shape_t  *entry;

    if (node->type != NGX_HTTP_WIX_AUTH_JSON_ARRAY) {
        ngx_http_wix_auth_shape_fault(reg, "This must be a list.", NULL);
        return;
    }

    n = 0;
    entry = shape->members;

    for (link = &node->child; *link; /* void */ ) {
        child = *link;

        if (n == NGX_HTTP_WIX_AUTH_REG_LIST) {
            ngx_http_wix_auth_shape_fault(reg,
                                          "There are more than 50 entries.",
                                          NULL);
            return;
        }

        len = ngx_http_wix_auth_shape_enter_index(reg,
                                              reg->form ? child->name.len : n);
        n++;

        entry->check(reg, child, entry);

        reg->len = len;
        child->name.len = 0;

        if (entry->check == ngx_http_wix_auth_shape_object
            && ngx_http_wix_auth_shape_idle(reg, child, entry))
        {
            *link = child->next;
            continue;
        }

        link = &child->next;
    }
}


/* custom values under names that only the site knows */

void
ngx_http_wix_auth_shape_map(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    size_t                      len;
    ngx_uint_t                  n;
    ngx_http_wix_auth_json_t   *child;
    ngx_http_wix_auth_shape_t  *entry;

    if (node->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
        ngx_http_wix_auth_shape_fault(reg, "This must be an object.", NULL);
        return;
    }

    n = 0;
    entry = shape->members;

    for (child = node->child; child; child = child->next) {

        if (n++ == NGX_HTTP_WIX_AUTH_REG_LIST) {
            ngx_http_wix_auth_shape_fault(reg,
                                          "There are more than 50 entries.",
                                          NULL);
            return;
        }

        len = ngx_http_wix_auth_shape_enter(reg, &child->name);

        if (child->name.len == 0
            || child->name.len > NGX_HTTP_WIX_AUTH_REG_NAME
            || ngx_http_wix_auth_shape_readable(&child->name) != NGX_OK)
        {
            ngx_http_wix_auth_shape_fault(reg, "There is no such field.", NULL);
        } else {
            entry->check(reg, child, entry);
        }

        reg->len = len;
    }
}


void
ngx_http_wix_auth_shape_value(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    ngx_uint_t  faults;

    if (reg->depth == NGX_HTTP_WIX_AUTH_REG_DEPTH) {
        ngx_http_wix_auth_shape_fault(reg, "This is nested too deeply.", NULL);
        return;
    }

    faults = reg->faults;

    reg->depth++;
    ngx_http_wix_auth_shape_object(reg, node, shape);
    reg->depth--;

    if (faults == reg->faults && (node->child == NULL || node->child->next)) {
        ngx_http_wix_auth_shape_fault(reg, "This must hold exactly one value.",
                                      NULL);
    }
}


u_char *
ngx_http_wix_auth_shape_key(u_char *p, u_char *last, ngx_str_t *name)
{
    u_char  c;

    name->data = p;

    for ( /* void */ ; p < last; p++) {
        c = *p | 0x20;

        if (c >= 'a' && c <= 'z') {
            continue;
        }

        if (p == name->data || *p < '0' || *p > '9') {
            break;
        }
    }

    name->len = p - name->data;

    if (name->len == 0 || name->len > NGX_HTTP_WIX_AUTH_REG_NAME) {
        return NULL;
    }

    return p;
}


size_t
ngx_http_wix_auth_shape_enter(ngx_http_wix_auth_reg_t *reg, ngx_str_t *name)
{
    size_t  len;

    len = reg->len;

    if (len) {
        ngx_http_wix_auth_shape_append(reg, (u_char *) ".", 1);
    }

    ngx_http_wix_auth_shape_append(reg, name->data, name->len);

    return len;
}


size_t
ngx_http_wix_auth_shape_enter_index(ngx_http_wix_auth_reg_t *reg,
    ngx_uint_t index)
{
    size_t  len;
    u_char  text[NGX_INT_T_LEN + 2], *p;

    len = reg->len;

    p = ngx_sprintf(text, "[%ui]", index);
    ngx_http_wix_auth_shape_append(reg, text, p - text);

    return len;
}


void
ngx_http_wix_auth_shape_append(ngx_http_wix_auth_reg_t *reg, u_char *data,
    size_t len)
{
    u_char  *last;

    for (last = data + len;
         data < last && reg->len < NGX_HTTP_WIX_AUTH_REG_PATH;
         data++)
    {
        reg->path[reg->len++] = (*data > 0x20 && *data < 0x7f) ? *data : '?';
    }
}


void
ngx_http_wix_auth_shape_fault(ngx_http_wix_auth_reg_t *reg,
    const char *text, const char *detail)
{
    size_t                     len;
    u_char                    *p;
    ngx_http_wix_auth_pair_t  *fault;

    if (reg->faults++ >= NGX_HTTP_WIX_AUTH_REG_FAULTS) {
        return;
    }

    len = ngx_strlen(text) + (detail ? ngx_strlen(detail) + 1 : 0);

    p = ngx_pnalloc(reg->pool, reg->len + len);
    fault = p ? ngx_array_push(reg->fields) : NULL;

    if (fault == NULL) {
        reg->failed = 1;
        return;
    }

    fault->name.data = p;
    fault->name.len = reg->len;
    p = ngx_cpymem(p, reg->path, reg->len);

    fault->value.data = p;
    fault->value.len = len;
    p = ngx_cpymem(p, text, ngx_strlen(text));

    if (detail) {
        p = ngx_cpymem(p, detail, ngx_strlen(detail));
        *p = '.';
    }
}
