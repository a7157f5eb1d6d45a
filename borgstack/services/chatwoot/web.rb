# Asks the web process of Chatwoot in its own container, and looks at the migrations of the image.
# The token comes on stdin; it leaves this process only in a request to 127.0.0.1. Plain Ruby, no
# Rails boot. Prints `web JSON`, without anything that people wrote but the address of the user.
token = STDIN.read.to_s
http = Net::HTTP.new("127.0.0.1", 3000)
http.open_timeout = 3
http.read_timeout = 10
said = {}

ask = lambda do |path, key = nil, body = nil|
  # As Caddy would say: FORCE_SSL redirects everything else.
  headers = { "X-Forwarded-Proto" => "https", "Content-Type" => "application/json" }
  headers["api-access-token"] = key if key
  body ? http.post(path, body, headers) : http.get(path, headers)
end
parsed = lambda do |answer|
  JSON.parse(answer.body) rescue nil
end

begin
  http.start
  3.times do |try|
    sleep 0.5 if try > 0
    answer = ask.("/api")
    body = parsed.(answer)
    said["api"] = { "status" => answer.code.to_i }
    said["api"].update(body.slice("version", "queue_services", "data_services")) if body.is_a?(Hash)
    break if said["api"].values_at("queue_services", "data_services") == %w[ok ok]
  end

  said["token"] = !token.empty?
  unless token.empty?
    answer = ask.("/api/v1/profile", token)
    body = parsed.(answer)
    said["profile"] = { "status" => answer.code.to_i }
    if body.is_a?(Hash)
      accounts = Array(body["accounts"]).map { |one| one.slice("id", "role") }
      said["profile"].update("email" => body["email"], "accounts" => accounts)
      account = accounts.find { |one| one["role"] == "administrator" } || accounts.first || {}
      answer = ask.("/api/v1/accounts/#{account["id"].to_i}/agents", token)
      agents = parsed.(answer)
      own = Array(agents).find { |one| one.is_a?(Hash) && one["email"] == body["email"] }
      said["agents"] = { "status" => answer.code.to_i, "array" => agents.is_a?(Array),
                         "count" => Array(agents).size, "role" => own && own["role"] }
    end
  end
  said["wrong_token"] = ask.("/api/v1/profile", "x" * 24).code.to_i

  # An address without @, no password, no name: even an open sign-up has nothing to create from.
  nobody = JSON.generate("email" => "borgstack-verify")
  said["signup"] = %w[/api/v1/accounts /api/v2/accounts].to_h do |path|
    [path, ask.(path, nil, nobody).code.to_i]
  end
  widget = ask.("/widget?website_token=borgstack-verify")
  said["widget"] = { "x-frame-options" => widget["X-Frame-Options"],
                     "content-security-policy" => widget["Content-Security-Policy"] }
rescue StandardError => error
  said["error"] = error.class.name
end

schema = File.read("db/schema.rb")[/define\(version: *([0-9_]+)/, 1].to_s.delete("_") rescue ""
migrations = Dir["db/migrate/*.rb"].map { |path| File.basename(path)[/\A[0-9]+/] }
said["migrations"] = [schema, *migrations].compact.reject(&:empty?).uniq.sort
puts "web #{JSON.generate(said)}"
