# What `cmake --install` puts onto a machine that serves: the two programs, ClickHouse's library beside them, the unit. docs/deploy-one-box.md uses it.
install(TARGETS boathouse)
if(BOATHOUSE_ENGINE)
  # The build's run path points into this checkout, where the service may not look (ProtectHome=).
  set_target_properties(boathouse-engine PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/boathouse")
  install(TARGETS boathouse-engine)
  install(FILES "${chdb_library}" DESTINATION lib/boathouse)
  install(FILES "${PROJECT_SOURCE_DIR}/deploy/systemd/boathouse.service" DESTINATION lib/systemd/system)
endif()
