// The device's page behind server/http: its files, and the calls of device/page.
#pragma once

#include "core/base/result.hpp"
#include "device/page/page.hpp"
#include "server/http/message.hpp"
#include "server/http/router.hpp"

namespace boathouse::app {

// With the error's own words, also of the disk and the store: who asks a device is who has it before him.
http::Response device_problem(const http::RequestHead& request, const base::Error& error);

// GET / and /assets/..., and every endpoint of `page`, which must outlive the server.
base::Status add_page_routes(http::RouteTable& routes, page::Page& page);

}  // namespace boathouse::app
