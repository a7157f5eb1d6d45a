# Trap (facts 2): a process that eager-loads (web, worker, runner) dies at boot on a database without the schema,
# so that it crash-loops until somebody prepares the database. Rake tasks do not eager-load and pass.
# A database that cannot be reached is another matter: then the process starts and answers with errors.
Rails.application.config.after_initialize do |app|
  next unless app.config.eager_load

  begin
    ActiveRecord::Base.with_connection { |db| db.select_value('SELECT 1 FROM installation_configs LIMIT 1') }
  rescue ActiveRecord::ConnectionNotEstablished, ActiveRecord::NoDatabaseError => e
    Rails.logger.error "Database not reachable at boot: #{e.message}"
  ensure
    # Leaves no used connection behind: GET /api can then give its false alarm (facts 3).
    ActiveRecord::Base.connection_pool.disconnect!
  end
end
