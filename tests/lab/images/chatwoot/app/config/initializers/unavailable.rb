# For tests: while tmp/unavailable is there, everything is answered with 503, as by a proxy whose
# application is being restarted.
class Unavailable
  FLAG = Rails.root.join('tmp/unavailable')

  def initialize(app)
    @app = app
  end

  def call(env)
    FLAG.exist? ? [503, { 'content-type' => 'text/plain' }, ["unavailable\n"]] : @app.call(env)
  end
end

Rails.application.config.middleware.insert_before 0, Unavailable
