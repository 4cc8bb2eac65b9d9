// The device's page behind server/http: its files, and the calls of device/page.
#pragma once

#include "core/base/result.hpp"
#include "device/page/page.hpp"
#include "server/http/router.hpp"

namespace boathouse::app {

// GET / and /assets/..., and every endpoint of `page`, which must outlive the server.
base::Status add_page_routes(http::RouteTable& routes, page::Page& page);

}  // namespace boathouse::app
