# Greets the mail server from where Chatwoot would send: `smtp ok`, or `smtp WHY`. Sends no mail.
address, port = ARGV
begin
  Socket.tcp(address, port.to_i, connect_timeout: 8) do |server|
    answer = lambda do
      lines = []
      loop do
        raise "no answer in 8 s" unless server.wait_readable(8)
        lines << (server.gets || raise("it hung up")).chomp
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
