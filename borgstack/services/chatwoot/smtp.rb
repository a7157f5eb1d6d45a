# Greets the mail server from where Chatwoot would send: `smtp ok`, or `smtp WHY`. Sends no mail.
address, port = ARGV
# At 465 a server speaks TLS at once, and Chatwoot takes no certificate that it does not trust.
secured = lambda do |socket|
  next socket unless port == "465"
  context = OpenSSL::SSL::SSLContext.new
  context.set_params
  tls = OpenSSL::SSL::SSLSocket.new(socket, context)
  tls.hostname = address
  Timeout.timeout(8, Timeout::Error, "no TLS in 8 s") { tls.connect }
  tls
end
begin
  Socket.tcp(address, port.to_i, connect_timeout: 8) do |socket|
    server = secured.call(socket)
    answer = lambda do
      lines = []
      loop do
        line = Timeout.timeout(8, Timeout::Error, "no answer in 8 s") { server.gets }
        lines << (line || raise("it hung up")).chomp
        break unless lines.last =~ /\A\d{3}-/
      end
      lines.last
    end
    greeting = answer.call
    raise "greeting #{greeting[0, 80]}" unless greeting.start_with?("220")
    server.write("EHLO #{Socket.gethostname}\r\n")
    hello = answer.call
    raise "to EHLO: #{hello[0, 80]}" unless hello.start_with?("250")
    server.write("QUIT\r\n")
  end
  puts "smtp ok"
rescue StandardError => error
  puts "smtp #{error.class}: #{error.message.lines.first.to_s.strip}"
end
