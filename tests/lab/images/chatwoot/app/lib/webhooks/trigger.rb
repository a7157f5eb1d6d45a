# Sends one webhook: a JSON POST with 5 s in all, redirects count as errors, no retry, no signature (facts 8).
require 'net/http'

class Webhooks::Trigger
  TIMEOUT = 5

  def self.execute(url, payload)
    uri = URI(url)
    Timeout.timeout(TIMEOUT) do
      Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == 'https') do |http|
        reply = http.post(uri.request_uri, payload.to_json, 'Content-Type' => 'application/json', 'Accept' => 'application/json')
        raise "HTTP #{reply.code}" unless reply.is_a?(Net::HTTPSuccess)
      end
    end
    true
  rescue StandardError => e
    Rails.logger.warn "Exception: Invalid webhook URL #{url} : #{e.message}"
    false
  end
end
