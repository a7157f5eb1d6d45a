# GET /api: version and health, without authentication (facts 3).
class ApiController < ApplicationController
  def index
    render json: { version: Chatwoot.config[:version], timestamp: Time.now.utc.strftime('%Y-%m-%d %H:%M:%S'),
                   queue_services: redis_status, data_services: postgres_status }
  end

  private

  # Trap: a new connection a call, and "failing" is still status 200. Sidekiq is not looked at.
  def redis_status
    redis = Redis.new(Redis::Config.app)
    redis.ping ? 'ok' : 'failing'
  rescue Redis::CannotConnectError
    'failing'
  ensure
    redis&.close
  end

  # Trap: `active?` is false until this connection has been used once, so a fresh process can raise a false alarm.
  def postgres_status
    ActiveRecord::Base.connection.active? ? 'ok' : 'failing'
  rescue ActiveRecord::ConnectionNotEstablished
    'failing'
  end
end
