
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The directives, through the module's own table, on three levels that are
 * merged: what is accepted is safe to use, and what is refused says why.
 *
 * Input: lines of a configuration without semicolons; "server" and "location
 * NAME" (or "location = NAME") go a level deeper.  Files are those beside
 * this one.
 */


#include "whatwg.h"

#include <ngx_http.h>

#include <dirent.h>

#include "ngx_http_wix_auth_conf.h"
#include "ngx_http_wix_auth_directives.h"
#include "ngx_http_wix_auth_session.h"


#define FUZZ_MAX_LEN  2048

#define LEVELS  3
#define ARGS    9

#define DAY  (24 * 60 * 60)


typedef struct {
    ngx_conf_t                 cf;
    ngx_conf_file_t            file;
    ngx_cycle_t                cycle;
    ngx_http_conf_ctx_t        ctx;
    void                      *main[2];
    void                      *srv[2];
    void                      *loc[2];
    ngx_http_core_loc_conf_t   core[LEVELS];
    ngx_http_wix_auth_conf_t  *conf[LEVELS];
    ngx_uint_t                 level;
} set_t;


extern ngx_module_t  ngx_http_core_module;


static ngx_int_t begin(fuzz_t *f, set_t *s);
static ngx_http_wix_auth_page_t *built_in(void);
static ngx_int_t directive(fuzz_t *f, set_t *s, ngx_str_t *line);
static ngx_uint_t deeper(set_t *s, ngx_str_t *args, ngx_uint_t n);
static ngx_command_t *command(set_t *s, ngx_str_t *args, ngx_uint_t n);
static ngx_uint_t elsewhere(ngx_str_t *args, ngx_uint_t n);
static void merged(fuzz_t *f, ngx_http_wix_auth_conf_t *conf);
static void cookies(fuzz_t *f, ngx_http_wix_auth_cookies_t *c);
static void addresses(fuzz_t *f, ngx_http_wix_auth_conf_t *conf);
static void login(fuzz_t *f, ngx_http_wix_auth_login_conf_t *login);
static void origin(fuzz_t *f, ngx_str_t *text, ngx_uint_t plain);


void
fuzz_one(fuzz_t *f)
{
    set_t               s;
    ngx_str_t           line;
    ngx_uint_t          i;
    ngx_http_module_t  *module;

    if (begin(f, &s) != NGX_OK) {
        return;
    }

    while (f->pos < f->last) {
        line = fuzz_line(f);

        if (directive(f, &s, &line) != NGX_OK) {
            return;
        }
    }

    module = ngx_http_wix_auth_module.ctx;

    for (i = 1; i < LEVELS; i++) {
        s.loc[1] = &s.core[i];
        s.loc[0] = s.conf[i];

        if (module->merge_loc_conf(&s.cf, s.conf[i - 1], s.conf[i])
            != NGX_CONF_OK)
        {
            FUZZ_CHECK(f->starved || fuzz_emergencies > 0);
            return;
        }

        if (!f->starved) {
            merged(f, s.conf[i]);
        }
    }
}


static ngx_int_t
begin(fuzz_t *f, set_t *s)
{
    ngx_uint_t                      i;
    ngx_http_module_t              *module;
    ngx_http_wix_auth_pages_t      *pages;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    ngx_http_wix_auth_module.ctx_index = 0;
    ngx_http_core_module.ctx_index = 1;

    module = ngx_http_wix_auth_module.ctx;

    memset(s, 0, sizeof(set_t));

    s->cf.pool = f->pool;
    s->cf.temp_pool = f->pool;
    s->cf.log = &fuzz_log;
    s->cf.cycle = &s->cycle;
    s->cf.conf_file = &s->file;
    s->cf.ctx = &s->ctx;
    s->cf.cmd_type = NGX_HTTP_MAIN_CONF;
    s->cycle.pool = f->pool;
    s->file.file.name = fuzz_str("nginx.conf");
    s->ctx.main_conf = s->main;
    s->ctx.srv_conf = s->srv;
    s->ctx.loc_conf = s->loc;

    s->main[0] = module->create_main_conf(&s->cf);
    s->srv[0] = module->create_srv_conf(&s->cf);

    if (s->main[0] == NULL || s->srv[0] == NULL) {
        FUZZ_CHECK(f->starved);
        return NGX_ERROR;
    }

    for (i = 0; i < LEVELS; i++) {
        s->conf[i] = module->create_loc_conf(&s->cf);

        if (s->conf[i] == NULL) {
            FUZZ_CHECK(f->starved);
            return NGX_ERROR;
        }
    }

    s->loc[0] = s->conf[0];
    s->loc[1] = &s->core[0];

    /* compiled once, as they are the same for every configuration */

    wmcf = s->main[0];
    pages = ngx_array_push(wmcf->pages);

    if (pages == NULL) {
        return NGX_ERROR;
    }

    ngx_str_null(&pages->dir);
    pages->pages = built_in();

    return NGX_OK;
}


static ngx_http_wix_auth_page_t *
built_in(void)
{
    ngx_int_t   allocations;
    ngx_conf_t  cf;

    static ngx_http_wix_auth_page_t  *pages;

    if (pages == NULL) {
        allocations = fuzz_plenty();

        memset(&cf, 0, sizeof(ngx_conf_t));
        cf.log = &fuzz_log;
        cf.pool = ngx_create_pool(4096, &fuzz_log);

        FUZZ_CHECK(ngx_http_wix_auth_page_init(&cf, NULL, &pages) == NGX_OK);

        fuzz_enough(allocations);
    }

    return pages;
}


static ngx_int_t
directive(fuzz_t *f, set_t *s, ngx_str_t *line)
{
    char           *rv;
    ngx_str_t       word, args[ARGS];
    ngx_uint_t      n, emergencies;
    ngx_array_t     array;
    ngx_command_t  *cmd;

    s->file.line++;

    if (memchr(line->data, '\0', line->len)) {
        return NGX_OK;
    }

    for (n = 0; n < ARGS; n++) {
        word = fuzz_word(line);

        if (word.len == 0) {
            break;
        }

        /* nginx reads "" as an empty word */

        args[n] = fuzz_copy0(f, word.data, fuzz_is(&word, "\"\"") ? 0
                                                                  : word.len);
    }

    if (n == 0 || deeper(s, args, n)) {
        return NGX_OK;
    }

    cmd = command(s, args, n);

    if (cmd == NULL || elsewhere(args, n)) {
        return NGX_OK;
    }

    array.elts = args;
    array.nelts = n;
    s->cf.args = &array;

    emergencies = fuzz_emergencies;

    rv = cmd->set(&s->cf, cmd, s->conf[s->level]);

    if (rv == NGX_CONF_OK) {
        FUZZ_CHECK(fuzz_emergencies == emergencies);
        return NGX_OK;
    }

    if (rv == NGX_CONF_ERROR) {
        FUZZ_CHECK(fuzz_emergencies == emergencies + 1 || f->starved);

    } else {
        FUZZ_CHECK(fuzz_emergencies == emergencies);
        FUZZ_CHECK(strlen(rv) > 5);
    }

    return NGX_ERROR;
}


static ngx_uint_t
deeper(set_t *s, ngx_str_t *args, ngx_uint_t n)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (s->level == 0 && n == 1 && fuzz_is(&args[0], "server")) {
        s->cf.cmd_type = NGX_HTTP_SRV_CONF;

    } else if (s->level == 1 && n > 1 && fuzz_is(&args[0], "location")) {
        s->cf.cmd_type = NGX_HTTP_LOC_CONF;

        clcf = &s->core[2];
        clcf->exact_match = fuzz_is(&args[1], "=");
        clcf->name = args[n > 2 ? 2 : 1];
        clcf->named = (clcf->name.len && clcf->name.data[0] == '@');

    } else {
        return 0;
    }

    s->level++;
    s->loc[0] = s->conf[s->level];
    s->loc[1] = &s->core[s->level];

    return 1;
}


/* as ngx_conf_handler() finds it */

static ngx_command_t *
command(set_t *s, ngx_str_t *args, ngx_uint_t n)
{
    ngx_command_t  *cmd;

    for (cmd = ngx_http_wix_auth_module.commands; cmd->name.len; cmd++) {

        if (!fuzz_equal(&cmd->name, &args[0])
            || !(cmd->type & s->cf.cmd_type))
        {
            continue;
        }

        if (cmd->type & NGX_CONF_FLAG) {
            return (n == 2) ? cmd : NULL;
        }

        if (cmd->type & NGX_CONF_1MORE) {
            return (n >= 2) ? cmd : NULL;
        }

        return (n <= 8 && (cmd->type & (1 << (n - 1)))) ? cmd : NULL;
    }

    return NULL;
}


/* the files of this machine are none of our business */

static ngx_uint_t
elsewhere(ngx_str_t *args, ngx_uint_t n)
{
    ngx_uint_t  i;

    if (!fuzz_is(&args[0], "wix_auth_session_key")
        && !fuzz_is(&args[0], "wix_auth_pages")
        && !fuzz_is(&args[0], "wix_auth_zone")
        && !fuzz_is(&args[0], "wix_auth_api_trusted_certificate"))
    {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((args[i].len && args[i].data[0] == '/')
            || fuzz_contains(&args[i], &fuzz_str("=/"))
            || fuzz_contains(&args[i], &fuzz_str("..")))
        {
            return 1;
        }
    }

    return 0;
}


/* what the rest of the module takes for granted */

static void
merged(fuzz_t *f, ngx_http_wix_auth_conf_t *conf)
{
    u_char                           id[16];
    ngx_http_wix_auth_login_limit_t  *limit;

    FUZZ_CHECK(conf->mode <= NGX_HTTP_WIX_AUTH_AUDIT);
    FUZZ_CHECK(conf->endpoint < NGX_HTTP_WIX_AUTH_EP_MAX);
    FUZZ_CHECK(conf->unauthorized <= NGX_HTTP_WIX_AUTH_STRANGER_401);
    FUZZ_CHECK(conf->response_mode <= NGX_HTTP_WIX_AUTH_RESPONSE_DIRECT);
    FUZZ_CHECK(conf->captcha <= NGX_HTTP_WIX_AUTH_CAPTCHA_VISIBLE);
    FUZZ_CHECK(conf->profile == 0 || conf->profile == 1);
    FUZZ_CHECK(conf->pages != NULL && conf->server != NULL);

    FUZZ_CHECK(conf->lifetime >= 1 && conf->idle >= 0);
    FUZZ_CHECK(conf->refresh_before >= 0);
    FUZZ_CHECK(conf->api->fetch.timeout > 0
               && conf->api->fetch.connect_timeout > 0);

    if (conf->visitor->on) {
        FUZZ_CHECK(conf->visitor->rate >= 1
                   && conf->visitor->rate <= 1000000);
        FUZZ_CHECK(conf->visitor->lifetime >= 1);
    }

    FUZZ_CHECK(!conf->bearer->on || conf->bearer->cache >= 1);

    if (conf->require->values) {
        FUZZ_CHECK(conf->require->values->nelts > 0);
        FUZZ_CHECK(conf->require->status >= 400
                   && conf->require->status <= 493
                   && conf->require->status != 401
                   && conf->require->status != 444);
    }

    limit = conf->login_limit;

    FUZZ_CHECK(limit->pair <= 1000000 && limit->account <= 1000000);
    FUZZ_CHECK(limit->pair == 0
               || (limit->pair_time >= 1 && limit->pair_time <= DAY));
    FUZZ_CHECK(limit->account == 0
               || (limit->account_time >= 1 && limit->account_time <= DAY));

    FUZZ_CHECK(conf->api->breaker.max_fails <= 1000);
    FUZZ_CHECK(conf->api->breaker.max_fails == 0
               || conf->api->breaker.fail_timeout > 0);

    FUZZ_CHECK((conf->stale->causes & ~(ngx_uint_t) 0x0f) == 0);
    FUZZ_CHECK(conf->stale->time >= 0);

    if (conf->client_text.len) {
        FUZZ_CHECK(ngx_http_wix_auth_guid_parse(&conf->client_text, id)
                   == NGX_OK);
        FUZZ_CHECK(memcmp(id, conf->client, 16) == 0);
    }

    FUZZ_CHECK(conf->ring == NULL
               || (conf->ring->nkeys >= 1
                   && conf->ring->nkeys <= NGX_HTTP_WIX_AUTH_RING_MAX));

    FUZZ_CHECK(conf->prefix.len == 0
               || (conf->prefix.data[conf->prefix.len - 1] == '/'));

    cookies(f, conf->cookies);
    addresses(f, conf);
    login(f, conf->login);
}


/* RFC 6265bis, 4.1.3; and each can be written */

static void
cookies(fuzz_t *f, ngx_http_wix_auth_cookies_t *c)
{
    ngx_str_t                    value, header;
    ngx_uint_t                   i, k;
    ngx_http_wix_auth_cookie_t  *cookie;

    FUZZ_CHECK(c->nnames == 4);

    for (i = 0; i < c->nnames; i++) {
        cookie = (i == 0) ? &c->session : (i == 1) ? &c->binding
                 : (i == 2) ? &c->returns : &c->token;

        FUZZ_CHECK(fuzz_equal(&cookie->name, &c->names[i]));
        FUZZ_CHECK(cookie->name.len > 0 && fuzz_printable(&cookie->name, 0));
        FUZZ_CHECK(memchr(cookie->name.data, '=', cookie->name.len) == NULL
                   && memchr(cookie->name.data, ';', cookie->name.len)
                      == NULL);

        for (k = 0; k < i; k++) {
            FUZZ_CHECK(!fuzz_equal(&c->names[i], &c->names[k]));
        }

        if (cookie->name.len >= 7
            && strncasecmp((char *) cookie->name.data, "__Host-", 7) == 0)
        {
            FUZZ_CHECK(cookie->secure && cookie->domain.len == 0
                       && fuzz_is(&cookie->path, "/"));
        }

        if (cookie->name.len >= 9
            && strncasecmp((char *) cookie->name.data, "__Secure-", 9) == 0)
        {
            FUZZ_CHECK(cookie->secure);
        }

        FUZZ_CHECK(cookie->secure
                   || !(cookie->samesite_none || cookie->partitioned));
        FUZZ_CHECK(i == 0 || cookie->domain.len == 0);

        value = fuzz_str("AAECAwQFBgcICQoLDA0ODw");

        FUZZ_CHECK(ngx_http_wix_auth_cookie_set(f->pool, cookie, &value, 900,
                                                &header)
                   == NGX_OK);
    }
}


static void
addresses(fuzz_t *f, ngx_http_wix_auth_conf_t *conf)
{
    whatwg_t                  to;
    ngx_str_t                *text, *others;
    ngx_uint_t                i, k;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    text = &conf->api->url;

    FUZZ_CHECK(ngx_http_wix_auth_url_parse(f->pool, text, &url, &err)
               == NGX_OK);
    FUZZ_CHECK(url.loopback || fuzz_is(&url.scheme, "https"));
    FUZZ_CHECK(text->data[text->len - 1] != '/');
    FUZZ_CHECK(memchr(text->data, '?', text->len) == NULL);

    text = &conf->api->fetch.proxy;

    FUZZ_CHECK(text->len == 0
               || ngx_http_wix_auth_url_parse(f->pool, text, &url, &err)
                  == NGX_OK);

    if (conf->base_url && conf->base_url->lengths == NULL) {
        origin(f, &conf->base_url->value, 1);
    }

    if (conf->origins) {
        others = conf->origins->elts;

        for (i = 0; i < conf->origins->nelts; i++) {
            origin(f, &others[i], 0);

            for (k = 0; k < i; k++) {
                FUZZ_CHECK(!fuzz_equal(&others[i], &others[k]));
            }
        }
    }

    whatwg_resolve(&conf->logout_redirect, "https", &to);

    FUZZ_CHECK(conf->logout_redirect.data[0] == '/'
               ? to.kind == WHATWG_HERE : to.kind == WHATWG_THERE);
    FUZZ_CHECK(fuzz_printable(&conf->logout_redirect, 0));
}


/* where strangers are sent: our host, or where no password is in the clear */

static void
login(fuzz_t *f, ngx_http_wix_auth_login_conf_t *login)
{
    whatwg_t     to;
    u_char       id[16];
    ngx_str_t   *idp;
    ngx_uint_t   i;

    FUZZ_CHECK(login->kind <= NGX_HTTP_WIX_AUTH_LOGIN_URI);
    FUZZ_CHECK(login->kind == NGX_HTTP_WIX_AUTH_LOGIN_WIX
               || (!login->sso && login->idps == NULL));

    if (login->idps) {
        idp = login->idps->elts;

        for (i = 0; i < login->idps->nelts; i++) {
            FUZZ_CHECK(ngx_http_wix_auth_guid_parse(&idp[i], id) == NGX_OK);
        }
    }

    if (login->kind != NGX_HTTP_WIX_AUTH_LOGIN_URI) {
        return;
    }

    whatwg_resolve(&login->uri, "https", &to);

    FUZZ_CHECK(fuzz_printable(&login->uri, 0) && login->uri.len <= 1024);
    FUZZ_CHECK(!to.user);

    if (!login->absolute) {
        FUZZ_CHECK(to.kind == WHATWG_HERE);
        return;
    }

    FUZZ_CHECK(to.kind == WHATWG_THERE);
    FUZZ_CHECK(strcmp(to.scheme, "https") == 0
               || strcmp(to.host, "localhost") == 0
               || strcmp(to.host, "[::1]") == 0
               || strncmp(to.host, "127.", 4) == 0
               || to.host[0] == '[');
}


static void
origin(fuzz_t *f, ngx_str_t *text, ngx_uint_t plain)
{
    whatwg_t                  to;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    FUZZ_CHECK(ngx_http_wix_auth_url_parse(f->pool, text, &url, &err)
               == NGX_OK);
    FUZZ_CHECK(url.path.len == 0 && fuzz_equal(&url.origin, text));
    FUZZ_CHECK(plain || url.loopback || fuzz_is(&url.scheme, "https"));

    whatwg_resolve(text, "https", &to);
    FUZZ_CHECK(whatwg_is(&to, text));
}


/* nginx's part */

ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    ngx_shm_zone_t  *zone;

    FUZZ_CHECK(name->len > 0);
    FUZZ_CHECK(size == 0 || size >= NGX_HTTP_WIX_AUTH_ZONE_MIN);

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_shm_zone_t));

    if (zone) {
        zone->shm.name = *name;
        zone->shm.size = size;
        zone->tag = tag;
    }

    return zone;
}


ngx_int_t
ngx_open_dir(ngx_str_t *name, ngx_dir_t *dir)
{
    dir->dir = opendir((const char *) name->data);

    return dir->dir ? NGX_OK : NGX_ERROR;
}
