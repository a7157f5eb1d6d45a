# The worker's health port, as the gem sidekiq_alive serves it (facts 3): a forked HTTP server on 0.0.0.0:7433 says
# 200 "Alive!" while this host's Redis key lives, 404 when it is gone, 500 when Redis is out of reach. A job of its own
# in a queue of its own renews the key, so a Sidekiq that runs no jobs loses it. A Sidekiq that is told to be quiet
# drops the next job at once and keeps the key until its time is over (v2.5.0, lib/sidekiq_alive.rb).
module SidekiqAlive
  TTL = 600

  module_function

  def hostname = ENV.fetch('HOSTNAME') { Socket.gethostname }
  def queue = "sidekiq-alive-#{hostname}"
  def key(host = hostname) = "SIDEKIQ::LIVENESS_PROBE_TIMESTAMP::#{host}"

  def attach(config)
    config.capsule('sidekiq_alive') { |capsule| capsule.concurrency = 1; capsule.queues = [queue] }
    config.on(:startup) { start }
    config.on(:quiet) { purge_pending_jobs }
    config.on(:shutdown) { stop }
  end

  def start
    touch
    Worker.set(queue: queue).perform_async(hostname)
    @server = fork { Server.run }
    Process.detach(@server)
  end

  def purge_pending_jobs
    Sidekiq::ScheduledSet.new.each { |job| job.delete if job.queue == queue }
  end

  def stop
    Process.kill('TERM', @server) if @server
    Sidekiq::Queue.new(queue).clear
  rescue Errno::ESRCH, RedisClient::Error
    nil
  end

  def touch(host = hostname)
    Sidekiq.redis { |redis| redis.call('SET', key(host), Time.now.to_i, 'EX', TTL) }
  end

  class Worker
    include Sidekiq::Job
    sidekiq_options retry: false

    def perform(host)
      SidekiqAlive.touch(host)
      self.class.set(queue: SidekiqAlive.queue).perform_in(TTL / 2, host)
    end
  end

  # A bare HTTP responder; it lives in a child process, so it has a Redis connection of its own.
  module Server
    PATH = ENV.fetch('SIDEKIQ_ALIVE_PATH', '/')

    module_function

    def run
      %w[TERM INT].each { |signal| trap(signal) { exit! } }
      %w[TSTP TTIN USR1].each { |signal| trap(signal, 'IGNORE') }
      server = TCPServer.new(ENV.fetch('SIDEKIQ_ALIVE_HOST', '0.0.0.0'), ENV.fetch('SIDEKIQ_ALIVE_PORT', 7433).to_i)
      loop { serve(server.accept) }
    ensure
      exit!
    end

    def serve(socket)
      path = socket.gets.to_s.split[1].to_s.split('?').first
      nil until socket.gets.to_s.strip.empty?
      status, body = path == PATH ? answer : [404, 'Not found']
      socket.write("HTTP/1.1 #{status} #{Rack::Utils::HTTP_STATUS_CODES[status]}\r\nContent-Type: text/plain\r\n" \
                   "Content-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}")
    rescue SystemCallError, IOError
      nil
    ensure
      socket.close
    end

    def answer
      redis = Redis.new(Redis::Config.app)
      redis.exists?(SidekiqAlive.key) ? [200, 'Alive!'] : [404, "Can't find the alive key"]
    rescue Redis::BaseError, RedisClient::Error
      [500, 'Redis is out of reach']
    ensure
      redis&.close
    end
  end
end
